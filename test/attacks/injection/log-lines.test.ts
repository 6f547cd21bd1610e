/** Nobody writes a line of the log by what they send: each is one JSON object of ours, and what it quotes is escaped. */
import { connect } from 'node:net';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import { readConfig } from '#kernel/config.ts';
import { openListener, type Listener } from '#kernel/http/listener.ts';
import { createLog } from '#kernel/log.ts';
import { type App, createApp } from '../../../src/app/app.ts';
import { freePort, password, testSecrets } from '../../support/app.ts';
import { openPglite } from '../../support/database.ts';
import { authorizeUrl, pkce, Visitor } from '../../support/visitor.ts';
import { runOperation } from '../../support/operations.ts';

let app: App;
let listener: Listener;
let base = '';
let logged = '';

beforeAll(async () => {
  const destination = new Writable({
    write(chunk, _encoding, done) {
      logged += String(chunk);
      done();
    },
  });
  const config = readConfig({ PORT: String(await freePort()), LATCHKEY_SECRETS: testSecrets });
  base = config.issuer;
  const log = createLog({ level: 'trace', destination });
  app = await createApp({ config, log, clock: systemClock, pglite: await openPglite() });
  listener = await openListener(config, app.callback);
});
afterAll(async () => {
  await listener.close(0);
  await app.close();
});

const forged = '{"level":"info","msg":"user.signed_in","user":"root"}';
const payloads = [
  `x\r\n${forged}\r\n`,
  `x\n${forged}\n`,
  `x\u2028${forged}\u2029`,
  `x\u0085${forged}`,
  `\u001b[2J\u001b[31m${forged}`,
  `\u202e${forged}`,
  `\u061c\u200f${forged}`,
  `"}\n${forged}`,
  `\\u000a${forged}`,
];

const raw = (head: string): Promise<void> =>
  new Promise((resolve) => {
    const { port } = new URL(base);
    const socket = connect(Number(port), '127.0.0.1', () => socket.write(head));
    socket
      .on('data', () => socket.destroy())
      .on('close', () => resolve())
      .on('error', () => resolve());
    setTimeout(() => socket.destroy(), 2000).unref();
  });

test('each log line is one JSON object for any input, and no character in it moves or hides another', async () => {
  const ran = await runOperation(app.operations, 'clients.create', {
    name: 'Shop',
    type: 'web',
    redirect_uris: [`${base}/x`],
  });
  if (!ran.ok) throw new Error(ran.message);
  const client = ran.result as { client_id: string; redirect_uris: string[] };
  await runOperation(app.operations, 'users.create', { email: 'log@example.com', password });
  for (const payload of payloads) {
    const visitor = new Visitor();
    const challenge = pkce().challenge;
    const page = await visitor.open(
      authorizeUrl(base, client, {
        code_challenge: challenge,
        login_hint: payload,
        state: payload,
        acr_values: payload,
      }),
    );
    await visitor.submit(page, { email: payload });
    const step = await visitor.submit(page, { email: 'log@example.com' });
    await visitor.submit(step, { password: payload });
    for (const name of ['client_id', 'redirect_uri', 'scope', 'request', 'claims', 'id_token_hint'])
      await visitor.open(authorizeUrl(base, client, { code_challenge: challenge, [name]: payload }));
    await visitor.open(`${base}/${encodeURIComponent(payload)}`);
    await visitor.open(`${base}/oidc/logout?id_token_hint=${encodeURIComponent(payload)}`);
    await fetch(`${base}/oidc/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: payload, client_id: payload, code: payload }),
    });
    const line = Buffer.from(payload)
      .toString('latin1')
      .replace(/[\r\n\0]/g, '');
    await raw(`GET /${line.replaceAll(' ', '')} HTTP/1.1\r\nHost: ${line}\r\nUser-Agent: ${line}\r\n\r\n`);
    await raw(
      `GET /oidc/auth HTTP/1.1\r\nHost: ${new URL(base).host}\r\nUser-Agent: ${line}\r\nX-Forwarded-For: ${line}\r\nReferer: ${line}\r\n\r\n`,
    );
    await raw(`${line} / HTTP/1.1\r\n\r\n`);
  }

  const lines = logged.split('\n').filter((line) => line !== '');
  expect(lines.length).toBeGreaterThan(100);
  for (const line of lines) {
    const entry = JSON.parse(line) as Record<string, unknown>;
    expect(Object.keys(entry).slice(0, 3)).toEqual(['level', 'time', 'pid']);
    expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/);
    expect(entry['user']).toBeUndefined();
  }
  const events = await app.database.sql<{ type: string }>(
    `select type from audit_record where type = 'user.signed_in'`,
  );
  expect(events).toEqual([]);
});
