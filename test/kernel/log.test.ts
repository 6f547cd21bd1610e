import { Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { createLog, writeFlatLine } from '#kernel/log.ts';

function logged(write: (log: ReturnType<typeof createLog>) => void): { text: string; line: Record<string, unknown> } {
  let text = '';
  const destination = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk);
      done();
    },
  });
  write(createLog({ level: 'info', destination }));
  return { text, line: JSON.parse(text) as Record<string, unknown> };
}

describe('a line of the log', () => {
  test('is JSON with level, time and process', () => {
    const { line } = logged((log) => log.info({ port: 3000 }, 'listening'));
    expect(line).toMatchObject({ level: 'info', msg: 'listening', port: 3000, pid: process.pid });
    expect(Date.parse(String(line['time']))).not.toBeNaN();
  });

  test.each([
    'password',
    'client_secret',
    'access_token',
    'refresh_token',
    'id_token',
    'code',
    'code_verifier',
    'Authorization',
    'cookie',
    'set-cookie',
    'DPoP',
    'client_assertion',
    'SAMLResponse',
    'recovery_code',
    'newPassword',
    'smtpSecret',
    'privateKey',
    'otp',
    'xsrf',
  ])('has no member named %s, at any depth', (name) => {
    expect(logged((log) => log.info({ a: { b: [{ [name]: 'c4n4ry' }] } })).text).not.toContain('c4n4ry');
  });

  test.each([
    ['a JWT', 'failed for eyJhbGciOiJub25lIn0.eyJzdWIiOiJjNG40cnkifQ.c4n4ry', 'c4n4ry'],
    ['a bearer token', 'header was Bearer c4n4ry-c4n4ry', 'c4n4ry'],
    ['Basic credentials', 'header was Basic YzRuNHJ5OmM0bjRyeQ==', 'YzRuNHJ5'],
    ['a password in a URL', 'connect to postgres://latchkey:c4n4ry@db:5432/x failed', 'c4n4ry'],
    ['a code in a URL', 'redirected to https://rp.example/cb?state=1&code=c4n4ry', 'c4n4ry'],
    ['a password hash', 'row was $argon2id$v=19$m=19456,t=2,p=1$c4n4ry$c4n4ry', 'c4n4ry'],
  ])('has no %s, under any name', (_what, text, secret) => {
    expect(logged((log) => log.info({ detail: text })).text).not.toContain(secret);
    expect(logged((log) => log.error({ err: new Error(text, { cause: new Error(text) }) })).text).not.toContain(secret);
  });

  test.each(['\r\n{"level":"info","msg":"signed in"}', '\u001b[2J', '\u202Etxt.exe', '\u0000'])(
    'shows %j as escapes',
    (text) => {
      const { text: line } = logged((log) => log.info({ userAgent: `x${text}` }));
      expect(line.trim().split('\n')).toHaveLength(1);
      expect(line).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202a-\u202e]/);
    },
  );

  test('keeps ids, dates and causes', () => {
    const { line } = logged((log) =>
      log.warn({
        at: new Date(0),
        err: new TypeError('outer', { cause: new Error('inner') }),
        user: 'usr_01h455vb4pex5vsknk084sn02q',
      }),
    );
    expect(line).toMatchObject({
      at: '1970-01-01T00:00:00.000Z',
      err: { name: 'TypeError', message: 'outer', cause: { message: 'inner' } },
      user: 'usr_01h455vb4pex5vsknk084sn02q',
    });
  });
});

describe('a flat line', () => {
  const withoutTime = (text: string) => text.replace(/"time":"[^"]*"/, '');

  test.each([
    ['plain', '/api/v1/users', 'curl/8'],
    ['a quote and a line break', '/a"b', 'one\ntwo\u2028three'],
    ['secrets by their shape', '/cb?code=s3cr3t', 'Bearer abcdefghijkl'],
  ])('has the bytes of a line of the logger: %s', (_title, path, userAgent) => {
    const members = { path, status: 200, ms: 0.3, userAgent };
    const { text } = logged((log) => writeFlatLine(log, 'info', members, 'request'));
    expect(withoutTime(text)).toBe(withoutTime(logged((log) => log.info(members, 'request')).text));
    expect(text).not.toContain('s3cr3t');
  });

  test('is not written below the level of the log', () => {
    expect(() => logged((log) => writeFlatLine(log, 'debug', {}, 'request'))).toThrow(SyntaxError);
  });
});
