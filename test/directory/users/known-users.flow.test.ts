import { Client } from 'pg';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { startTestApp } from '../../support/app.ts';
import { tokensFor } from '../../support/visitor.ts';

const server = process.env['TEST_DATABASE_URL'];

describe.runIf(server)('users in memory, on PostgreSQL', () => {
  test('are forgotten when another program changes the table', async () => {
    const latchkey = await startTestApp();
    onTestFinished(() => latchkey.close());
    const user = await latchkey.user();
    const client = await latchkey.client({ first_party: true });
    const { access_token: token } = await tokensFor(latchkey.base, client, user, { scope: 'openid email' });
    const emailNow = async () => {
      const answer = await fetch(`${latchkey.base}/oidc/userinfo`, { headers: { authorization: `Bearer ${token}` } });
      return ((await answer.json()) as { email: string }).email;
    };
    expect(await emailNow()).toBe(user.email);

    const other = new Client({ connectionString: latchkey.config.databaseUrl });
    await other.connect();
    await other.query('update users set email = $2 where email = $1', [user.email, 'changed@example.com']);
    await other.end();
    // Sooner than what is in memory grows old.
    await vi.waitFor(async () => expect(await emailNow()).toBe('changed@example.com'), { timeout: 2000, interval: 20 });
  });
});
