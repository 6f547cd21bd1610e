/** Jobs and schedules at the management API: what is shown, what an operator may do, each refusal. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { fromUuid, newId, toUuid } from '#kernel/ids.ts';
import { callApi, clientTokens, machineWith, refusalOf } from '../support/api.ts';
import { startTestApp, type TestApp } from '../support/app.ts';

type Job = {
  id: string;
  queue: string;
  state: string;
  attempts: number;
  retry_limit: number;
  last_error: string | null;
};

let latchkey: TestApp;
let token: string;
let reader: string;

beforeAll(async () => {
  latchkey = await startTestApp({ settings: { 'limits.apiCallsPerMinute': 100_000 } });
  const machine = await machineWith(latchkey, '*');
  ({ access_token: token } = await clientTokens(latchkey, machine, { scope: 'jobs.read jobs.manage audit.read' }));
  ({ access_token: reader } = await clientTokens(latchkey, machine, { scope: 'jobs.read' }));
});
afterAll(() => latchkey?.close());

const read = (path: string) => callApi(latchkey, path, { token });
const act = (path: string, by = token) => callApi(latchkey, path, { method: 'POST', token: by, json: {} });
const jobsOf = async (query: string) => {
  const { status, body } = await read(`/v1/jobs?${query}`);
  expect(status).toBe(200);
  return body as { jobs: Job[]; next_cursor: string | null; total?: number };
};

const secret = 'whsec-never-shown';

/** A row as the queue leaves it; its data is not what a worker could open. `more`: columns with their SQL. */
async function keepJob(queue: string, state: string, more: Readonly<Record<string, string>> = {}): Promise<string> {
  const columns = {
    name: `'${queue}'`,
    state: `'${state}'`,
    data: `'{"sealed": "${secret}"}'`,
    start_after: `now() + interval '1 day'`,
    ...more,
  };
  const [row] = await latchkey.app.database.sql<{ id: string }>(
    `insert into latchkey_jobs.job (${Object.keys(columns).join()}) values (${Object.values(columns).join()}) returning id`,
  );
  return fromUuid('job', row!.id);
}
const failure = (message: string) => ({
  started_on: `now() - interval '1 minute'`,
  completed_on: 'now()',
  retry_count: '2',
  retry_limit: '2',
  output: `'${JSON.stringify({ name: 'Error', message, stack: secret, data: secret })}'`,
});
const eventsOf = async (type: string, id: string) => {
  const { body } = await read(`/v1/events?types=${type}&subject_type=job&subject_id=${id}`);
  return body['events'] as Record<string, unknown>[];
};

test('a job is listed and read without its data, with a short form of its error', async () => {
  const id = await keepJob('mail', 'failed', failure(`TypeError ${'x'.repeat(500)}`));
  const answer = await read(`/v1/jobs/${id}`);
  const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string;
  expect(answer.body).toEqual({
    id,
    queue: 'mail',
    state: 'failed',
    attempts: 3,
    retry_limit: 2,
    created_at: time,
    start_after: time,
    started_at: time,
    completed_at: time,
    last_error: `TypeError ${'x'.repeat(190)}`,
  });
  const listed = await jobsOf('queue=mail&state=failed');
  expect(listed.jobs).toEqual([answer.body]);
  expect(JSON.stringify([answer, listed])).not.toContain(secret);
});

test('jobs are listed newest first, by queue and state, page by page', async () => {
  const ids: string[] = [];
  for (const at of [3, 2, 1])
    ids.unshift(await keepJob('sms', 'cancelled', { created_on: `now() - interval '${at} hours'` }));
  const waiting = await keepJob('sms', 'created');
  const idsOf = ({ jobs }: { jobs: Job[] }) => jobs.map(({ id }) => id);
  expect(idsOf(await jobsOf('queue=sms'))).toEqual([waiting, ...ids]);
  expect(idsOf(await jobsOf('queue=sms&sort=created_at'))).toEqual([waiting, ...ids].toReversed());
  expect(idsOf(await jobsOf('queue=sms&state=created'))).toEqual([waiting]);
  expect(idsOf(await jobsOf('queue=none'))).toEqual([]);
  const first = await jobsOf('queue=sms&state=cancelled&limit=2&include_total=true');
  expect([idsOf(first), first.total]).toEqual([ids.slice(0, 2), 3]);
  const next = `queue=sms&state=cancelled&limit=2&cursor=${encodeURIComponent(first.next_cursor!)}`;
  const second = await jobsOf(next);
  expect([idsOf(second), second.next_cursor]).toEqual([ids.slice(2), null]);
  expect(refusalOf(await read('/v1/jobs?state=lost'))).toEqual([422, 'input.invalid']);
});

test('the queues of the job software are not shown', async () => {
  const { database } = latchkey.app;
  const name = '__pgboss__send-it';
  const own = await database.sql('select 1 from latchkey_jobs.queue where name = $1', [name]);
  expect(own).toHaveLength(1);
  const id = await keepJob(name, 'failed');
  expect(refusalOf(await read(`/v1/jobs/${id}`))).toEqual([404, 'jobs.not_found']);
  for (const verb of ['retry', 'cancel'])
    expect(refusalOf(await act(`/v1/jobs/${id}/${verb}`))).toEqual([404, 'jobs.not_found']);
  expect((await jobsOf(`queue=${name}`)).jobs).toEqual([]);
  expect((await jobsOf('')).jobs.map((job) => job.id)).not.toContain(id);
});

test('a failed job gets one more attempt, which a worker takes up', async () => {
  const id = await keepJob('clean-up', 'failed', { ...failure('Error'), data: 'null', start_after: 'now()' });
  const { status, body } = await act(`/v1/jobs/${id}/retry`);
  expect([status, body['id'], body['retry_limit']]).toEqual([200, id, 3]);
  await vi.waitFor(async () => expect((await read(`/v1/jobs/${id}`)).body['state']).toBe('completed'), {
    timeout: 15_000,
    interval: 100,
  });
  expect((await read(`/v1/jobs/${id}`)).body).toMatchObject({ attempts: 4, last_error: null });
  expect(await eventsOf('job.retried', id)).toMatchObject([{ details: { queue: 'clean-up' } }]);
});

test('a waiting job is cancelled, and may wait again', async () => {
  const id = await keepJob('mail', 'created');
  const { status, body } = await act(`/v1/jobs/${id}/cancel`);
  expect([status, body['state'], body['attempts']]).toEqual([200, 'cancelled', 0]);
  expect(await eventsOf('job.cancelled', id)).toMatchObject([{ details: { queue: 'mail' } }]);
  expect((await act(`/v1/jobs/${id}/retry`)).body).toMatchObject({ state: 'created', completed_at: null });
  const retrying = await keepJob('mail', 'retry');
  expect((await act(`/v1/jobs/${retrying}/cancel`)).body['state']).toBe('cancelled');
});

test('a cancelled job does not return while another one waits for the same work', async () => {
  const same = { policy: `'short'`, singleton_key: `'same'` };
  const id = await keepJob('mail', 'cancelled', same);
  const other = await keepJob('mail', 'created', same);
  expect(refusalOf(await act(`/v1/jobs/${id}/retry`))).toEqual([409, 'jobs.replaced']);
  await act(`/v1/jobs/${other}/cancel`);
  expect((await act(`/v1/jobs/${id}/retry`)).status).toBe(200);
});

describe('refusals', () => {
  test.each([
    ['retry', 'created', 'jobs.not_failed'],
    ['retry', 'retry', 'jobs.not_failed'],
    ['retry', 'active', 'jobs.not_failed'],
    ['retry', 'completed', 'jobs.not_failed'],
    ['cancel', 'active', 'jobs.not_waiting'],
    ['cancel', 'completed', 'jobs.not_waiting'],
    ['cancel', 'cancelled', 'jobs.not_waiting'],
    ['cancel', 'failed', 'jobs.not_waiting'],
  ])('%s of a job that is %s', async (verb, state, code) => {
    // A job that runs is given up after its time; until then the row stays as it is.
    const id = await keepJob('mail', state, { started_on: 'now()' });
    expect(refusalOf(await act(`/v1/jobs/${id}/${verb}`))).toEqual([409, code]);
    expect((await read(`/v1/jobs/${id}`)).body['state']).toBe(state);
    expect(await eventsOf(verb === 'retry' ? 'job.retried' : 'job.cancelled', id)).toEqual([]);
  });

  test('of a job that does not exist', async () => {
    const id = newId('job');
    for (const answer of [
      await read(`/v1/jobs/${id}`),
      await act(`/v1/jobs/${id}/retry`),
      await act(`/v1/jobs/${id}/cancel`),
    ])
      expect(refusalOf(answer)).toEqual([404, 'jobs.not_found']);
  });

  test('of changes by a caller who may only read', async () => {
    const id = await keepJob('mail', 'created');
    for (const path of [`/v1/jobs/${id}/cancel`, `/v1/jobs/${id}/retry`, '/v1/schedules/clean-up/run'])
      expect(refusalOf(await act(path, reader))).toEqual([403, 'api.insufficient_scope']);
  });
});

describe('schedules', () => {
  test('are listed with their cron and the next run', async () => {
    const { body } = await read('/v1/schedules');
    const schedules = body['schedules'] as { queue: string; cron: string; next_run_at: string }[];
    const names = schedules.map(({ queue }) => queue);
    expect(names).toEqual(names.toSorted());
    expect(names).toEqual(expect.arrayContaining(['clean-up', 'keys']));
    expect(names).not.toContain('mail');
    for (const { cron, next_run_at } of schedules) {
      expect(cron.split(' ')).toHaveLength(5);
      expect(Date.parse(next_run_at)).toBeGreaterThan(Date.now() - 60_000);
    }
  });

  test('are started once at a time', async () => {
    const { database } = latchkey.app;
    const queue = 'saml-certificates';
    const answers = await Promise.all([1, 2, 3].map(() => act(`/v1/schedules/${queue}/run`)));
    const started = answers.filter(({ status }) => status === 200).map(({ body }) => String(body['job_id']));
    const refusals = answers.filter(({ status }) => status !== 200).map(refusalOf);
    expect(started.length).toBeGreaterThan(0);
    for (const refusal of refusals) expect(refusal).toEqual([409, 'schedules.already_running']);
    const id = started[0]!;
    await vi.waitFor(async () => expect((await read(`/v1/jobs/${id}`)).body['state']).toBe('completed'), {
      timeout: 15_000,
      interval: 100,
    });
    expect(await eventsOf('schedule.started', id)).toMatchObject([{ details: { queue } }]);
    const { body } = await read('/v1/schedules');
    expect(body['schedules']).toContainEqual(
      expect.objectContaining({ queue, last_run_at: expect.stringMatching(/Z$/) as string }),
    );
    // One that runs, as a worker of another node has it.
    const running = await keepJob(queue, 'active', { started_on: 'now()' });
    expect(refusalOf(await act(`/v1/schedules/${queue}/run`))).toEqual([409, 'schedules.already_running']);
    await database.sql('delete from latchkey_jobs.job where id = $1', [toUuid(running as `job_${string}`)]);
  });

  test.each(['mail', 'none', '__pgboss__send-it'])('%s has none to start', async (queue) => {
    expect(refusalOf(await act(`/v1/schedules/${queue}/run`))).toEqual([404, 'schedules.not_found']);
  });
});
