import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { verifyForeignHash } from '#credentials/foreign-hashes/registry.ts';
import { type ImportFormat, readPeople } from '#migration/files/formats.ts';
import type { Numbered } from '#migration/files/numbered.ts';
import type { ImportedUser } from '#migration/import-record.ts';
import { vectors } from '../credentials/foreign-hashes/vectors.ts';
import { readRecord } from '../support/import-records.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-files-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function read(name: string, text: string, format?: ImportFormat, hash = {}): Promise<Numbered[]> {
  const path = join(folder, name);
  await writeFile(path, text);
  const people: Numbered[] = [];
  for await (const person of readPeople(path, { format, hash })) people.push(person);
  return people;
}

function person(numbered: Numbered | undefined): ImportedUser {
  const result = readRecord(numbered?.record);
  if (result.kind === 'refused') throw new Error(result.reason);
  return result.user;
}

describe('JSON lines', () => {
  test('are read one by one, with empty lines, a byte order mark and either line end', async () => {
    const people = await read('a.jsonl', '\ufeff{"email":"a@x.example"}\r\n\n{"email":"b@x.example"}');
    expect(people.map(({ line, record }) => [line, record])).toEqual([
      [1, { email: 'a@x.example' }],
      [3, { email: 'b@x.example' }],
    ]);
  });

  test('that are invalid or too long are reported and the others are read', async () => {
    const people = await read('b.jsonl', `{\n{"email":"${'x'.repeat(600_000)}"}\n{"email":"c@x.example"}\n`);
    expect(people.map(({ line, problem }) => [line, problem])).toEqual([
      [1, 'the line is not JSON'],
      [2, expect.stringContaining('longer than')],
      [3, undefined],
    ]);
  });
});

describe('CSV', () => {
  test('has text and numbers in their members, objects as JSON or by column, and names with line breaks', async () => {
    const people = await read(
      'a.csv',
      'email,email_verified,name,address.country,properties,totp_digits,identities\r\n' +
        'a@x.example,TRUE,"A\nB",UK,"{""plan"":1}",8,"[{""connection"":""g"",""subject"":""1""}]"\r\n' +
        'b@x.example,no,,,,,\r\n',
    );
    expect(people.map(({ record }) => record)).toEqual([
      {
        email: 'a@x.example',
        email_verified: true,
        name: 'A\nB',
        address: { country: 'UK' },
        properties: { plan: 1 },
        totp_digits: 8,
        identities: [{ connection: 'g', subject: '1' }],
      },
      { email: 'b@x.example', email_verified: false },
    ]);
  });

  test('reports a line with an invalid word', async () => {
    const people = await read('b.csv', 'email,email_verified\na@x.example,maybe\nb@x.example,true\n');
    expect(people.map(({ line, problem }) => [line, problem])).toEqual([
      [2, 'email_verified: "maybe" is not understood'],
      [3, undefined],
    ]);
  });

  test.each([
    ['a quote that nobody closes', 'email,name\na@x.example,"A\n'],
    ['a line with too much in it', 'email\na@x.example,b\n'],
  ])('stops at %s', async (_what, text) => {
    await expect(read('c.csv', text)).rejects.toThrow(/[Ll]ine|Quote/);
  });
});

describe('files of other products', () => {
  const hashOf = (user: ImportedUser) => (user.password.kind === 'hash' ? user.password.hash : '');

  test('a Keycloak realm', async () => {
    const realm = {
      realm: 'shop',
      users: [
        {
          id: 'f8c1',
          username: 'ada',
          email: 'ada@example.com',
          emailVerified: true,
          firstName: 'Ada',
          lastName: 'Lovelace',
          enabled: false,
          createdTimestamp: 1_577_836_800_000,
          attributes: { locale: ['en'], plan: ['gold'], teams: ['a', 'b'] },
          credentials: [
            {
              type: 'password',
              userLabel: 'My password',
              secretData: '{"value":"JsfNbCOIdZUbyBJ+BT+VoGI91Ec2rWLOvkLPDaX8e9k=","salt":"P5rtFkGtPfoaryJ6PizUJw=="}',
              credentialData: '{"hashIterations":27500,"algorithm":"pbkdf2-sha256"}',
            },
            {
              type: 'otp',
              secretData: '{"value":"Hello!\u00de\u00ad"}',
              credentialData: '{"subType":"totp","digits":6,"period":30,"algorithm":"HmacSHA256"}',
            },
          ],
          federatedIdentities: [{ identityProvider: 'google', userId: '12', userName: 'ada@gmail.example' }],
        },
      ],
    };
    const user = person((await read('realm.json', JSON.stringify(realm), 'keycloak'))[0]);
    expect(user).toMatchObject({
      emailVerified: true,
      status: 'disabled',
      createdAt: '2020-01-01T00:00:00.000Z',
      profile: {
        given_name: 'Ada',
        family_name: 'Lovelace',
        name: 'Ada Lovelace',
        preferred_username: 'ada',
        locale: 'en',
      },
      properties: { plan: 'gold', teams: ['a', 'b'] },
      totp: { algorithm: 'sha256', digits: 6, period: 30 },
      identities: [
        { connection: 'keycloak', issuer: '', subject: 'f8c1' },
        { connection: 'google', issuer: '', subject: '12' },
      ],
    });
    expect(await verifyForeignHash(hashOf(user), 'password')).toBe(true);
    // RFC 4648 §10 has the first letters: "Hello!" begins JBSWY3DP.
    expect(user.totp?.secret).toMatch(/^JBSWY3DPE/);
  });

  test('a Keycloak realm from before version 8', async () => {
    const credential = {
      type: 'password',
      hashedSaltedValue: 'JsfNbCOIdZUbyBJ+BT+VoGI91Ec2rWLOvkLPDaX8e9k=',
      salt: 'P5rtFkGtPfoaryJ6PizUJw==',
      hashIterations: 27500,
      algorithm: 'pbkdf2-sha256',
    };
    const users = [{ email: 'ada@example.com', credentials: [credential] }];
    const user = person((await read('old.json', JSON.stringify(users), 'keycloak'))[0]);
    expect(await verifyForeignHash(hashOf(user), 'password')).toBe(true);
  });

  test('a Firebase project, with its parameters in a separate file', async () => {
    const vector = vectors.find(({ scheme }) => scheme === 'firebase-scrypt')!;
    const { salt, ...parameters } = vector.parameters as { salt: string };
    const users = [
      {
        localId: 'uid1',
        email: 'ada@example.com',
        emailVerified: true,
        passwordHash: vector.hash,
        salt,
        displayName: 'Ada',
        createdAt: '1577836800000',
        customAttributes: '{"plan":"gold"}',
        providerUserInfo: [
          { providerId: 'google.com', rawId: '12', email: 'ada@example.com' },
          { providerId: 'password', rawId: 'ada@example.com' },
        ],
      },
      { localId: 'uid2', email: 'bob@example.com' },
    ];
    const people = await read('users.json', JSON.stringify({ users }), 'firebase', { parameters });
    const user = person(people[0]);
    expect(user).toMatchObject({
      profile: { name: 'Ada' },
      properties: { plan: 'gold' },
      createdAt: '2020-01-01T00:00:00.000Z',
      identities: [
        { connection: 'firebase', issuer: '', subject: 'uid1' },
        { connection: 'google.com', issuer: 'https://accounts.google.com', subject: '12' },
      ],
    });
    expect(await verifyForeignHash(hashOf(user), vector.password)).toBe(true);
    expect(person(people[1]).password).toEqual({ kind: 'none' });
  });

  test.each([
    ['the hash of Auth0 itself', { passwordHash: '$2b$04$abcdefghijklmnopqrstuulGEfut91Q5ngXmajp18gpvxYMIw3zia' }],
    [
      'bcrypt',
      {
        custom_password_hash: {
          algorithm: 'bcrypt',
          hash: { value: '$2y$04$abcdefghijklmnopqrstuulGEfut91Q5ngXmajp18gpvxYMIw3zia' },
        },
      },
    ],
    [
      'a salted digest',
      {
        custom_password_hash: {
          algorithm: 'sha256',
          hash: { value: 'dda2af309c7acb717d96dc1816dbf709131c98cda98be341a8ef6e4ecdd0d491', encoding: 'hex' },
          salt: { value: 's4lt', position: 'prefix' },
        },
      },
    ],
    [
      'a digest without salt',
      {
        custom_password_hash: {
          algorithm: 'sha1',
          hash: { value: 'm17kGi0JAP1sIXdhbJD2Tu5BtVo=', encoding: 'base64' },
        },
      },
    ],
    [
      'a salt behind the password',
      {
        custom_password_hash: {
          algorithm: 'sha1',
          hash: { value: '2d67f5d8c121f101285349ff8f420e6c347db5f3', encoding: 'hex' },
          salt: { value: '73616c74', encoding: 'hex', position: 'suffix' },
        },
      },
    ],
    [
      'PBKDF2',
      {
        custom_password_hash: {
          algorithm: 'pbkdf2',
          hash: { value: vectors.find(({ hash }) => hash.startsWith('$pbkdf2-sha512'))!.hash, encoding: 'utf8' },
        },
      },
    ],
    [
      'scrypt',
      {
        custom_password_hash: {
          algorithm: 'scrypt',
          hash: { value: 'u3gzZn2bQWjz64q0G5kSt+T4HGZzVCrdpgteFQ1Ct90', encoding: 'base64' },
          salt: { value: 'NaCl salt' },
          cost: 1024,
          blockSize: 8,
          parallelization: 1,
        },
      },
    ],
    [
      'LDAP',
      { custom_password_hash: { algorithm: 'ldap', hash: { value: '{SSHA}LWf12MEh8QEoU0n/j0IObDR9tfNzYWx0' } } },
    ],
  ])('an Auth0 export with %s', async (_what, password) => {
    const line = {
      user_id: 'auth0|1',
      email: 'ada@example.com',
      email_verified: true,
      blocked: true,
      user_metadata: { plan: 'gold' },
      identities: [{ provider: 'google-oauth2', user_id: 12, isSocial: true }],
      mfa_factors: [{ totp: { secret: 'JBSWY3DPEHPK3PXP' } }],
      ...password,
    };
    const user = person((await read('auth0.ndjson', JSON.stringify(line), 'auth0'))[0]);
    expect(user).toMatchObject({
      status: 'disabled',
      properties: { plan: 'gold' },
      totp: { secret: 'JBSWY3DPEHPK3PXP' },
      identities: [
        { connection: 'auth0', subject: 'auth0|1' },
        { connection: 'google-oauth2', subject: '12' },
      ],
    });
    expect(await verifyForeignHash(hashOf(user), 'Zürich')).toBe(true);
  });

  test.each(['keycloak', 'auth0', 'firebase'] as const)(
    'of %s with invalid users are refused line by line',
    async (format) => {
      const people = ['x', 1, null, [], { credentials: 'x', attributes: 7, identities: {}, providerUserInfo: 'y' }];
      const text =
        format === 'auth0' ? people.map((value) => JSON.stringify(value)).join('\n') : JSON.stringify(people);
      for (const numbered of await read('broken', text, format))
        expect(readRecord(numbered.record).kind).toBe('refused');
    },
  );

  test.each([
    ['no JSON', '{'],
    ['no users', '{"realm":"x"}'],
  ])('of Keycloak with %s are refused at once', async (_what, text) => {
    await expect(read('none.json', text, 'keycloak')).rejects.toThrow(/the file/);
  });
});

test('a file may give the parameters of all its hashes once', async () => {
  const hash = { format: 'salted-digest', parameters: { algorithm: 'sha256', template: '{salt}{password}' } };
  const line = {
    email: 'ada@example.com',
    password_hash: 'dda2af309c7acb717d96dc1816dbf709131c98cda98be341a8ef6e4ecdd0d491',
    password_hash_parameters: { salt: 's4lt' },
  };
  const [first, second] = await read('c.jsonl', `${JSON.stringify(line)}\n{"email":"b@x.example"}`, 'jsonl', hash);
  const { password } = person(first);
  expect(password.kind === 'hash' && (await verifyForeignHash(password.hash, 'Zürich'))).toBe(true);
  expect(person(second).password).toEqual({ kind: 'none' });
});
