import { createHmac } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { verifyForeignHash } from '#credentials/foreign-hashes/registry.ts';
import { type ImportFormat, readPeople } from '#migration/files/formats.ts';
import { readHashParameters } from '#migration/files/hash-parameters.ts';
import type { Numbered } from '#migration/files/numbered.ts';
import type { ImportedUser } from '#migration/import-record.ts';
import { vectors } from '../credentials/foreign-hashes/vectors.ts';
import { readRecord } from '../support/import-records.ts';
import {
  auth0Import,
  firebaseConsole,
  firebaseCsv,
  firebaseExport,
  keycloakRealm,
  oldKeycloakUser,
  theirPassword,
} from '../support/other-products.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-files-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function read(
  name: string,
  text: string | Buffer,
  format?: ImportFormat,
  hash = {},
  encoding?: string,
): Promise<Numbered[]> {
  const path = join(folder, name);
  await writeFile(path, text);
  const people: Numbered[] = [];
  for await (const person of readPeople(path, { format, hash, encoding })) people.push(person);
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

describe('text', () => {
  const line = (name: string) => `email,name\na@x.example,Ada\nb@x.example,${name}\n`;
  const json = JSON.stringify([{ email: 'b@x.example', name: 'Jürgen €' }]);

  test.each([
    ['CSV in Latin-1', 'l.csv', Buffer.from(line('J\u00fcrgen'), 'latin1'), undefined, 3],
    [
      'JSON lines in Latin-1',
      'l.jsonl',
      Buffer.from('{"email":"a@x.example"}\n{"name":"J\u00fcrgen"}', 'latin1'),
      undefined,
      2,
    ],
    [
      'a JSON document in Latin-1',
      'l.json',
      Buffer.from('{"users":[\n\n{"name":"J\u00fcrgen"}]}', 'latin1'),
      'keycloak',
      3,
    ],
    ['a character that is cut at the end', 'cut.csv', Buffer.from(line('Jü')).subarray(0, -2), undefined, 3],
    ['UTF-16 that is cut', 'cut16.csv', Buffer.from(line('Jü'), 'utf16le').subarray(0, -1), undefined, 3],
  ] as const)('%s is refused as a whole, with its line', async (_what, name, bytes, format, at) => {
    const encoding = name === 'cut16.csv' ? 'utf-16le' : undefined;
    await expect(read(name, bytes, format, {}, encoding)).rejects.toThrow(
      new RegExp(`^line ${at} is not UTF-(8|16LE); nothing was imported.*--encoding windows-1252`),
    );
  });

  test.each([
    ['Latin-1', Buffer.from(json.replace('€', ''), 'latin1'), 'latin1', 'Jürgen '],
    ['Windows-1252', Buffer.from(json.replace('€', '\u0080'), 'latin1'), 'windows-1252', 'Jürgen €'],
    ['UTF-16 with its mark', Buffer.from(`\ufeff${json}`, 'utf16le'), undefined, 'Jürgen €'],
    ['UTF-16 by name', Buffer.from(json, 'utf16le'), 'utf-16le', 'Jürgen €'],
    ['UTF-8 with its mark', Buffer.from(`\ufeff${json}`), undefined, 'Jürgen €'],
    ['gzip', gzipSync(json), undefined, 'Jürgen €'],
  ])('%s is read', async (_what, bytes, encoding, name) => {
    const [person] = await read('encoded.json', bytes, undefined, {}, encoding);
    expect(person?.record).toMatchObject({ name });
  });

  test.each([
    ['an encoding that nobody knows', json, 'ebcdic', /--encoding ebcdic is not known/],
    ['a packed file that is cut', gzipSync(json).subarray(0, -12), undefined, /packed file is damaged/],
  ])('%s is refused', async (_what, bytes, encoding, why) => {
    await expect(read('x.json', bytes, undefined, {}, encoding)).rejects.toThrow(why);
  });
});

describe('a JSON document', () => {
  const two = [{ email: 'a@x.example' }, { email: 'b@x.example' }];

  test.each([
    ['a list of users', 'jsonl', two],
    ['a list of users', 'keycloak', two],
    ['an object with users', 'keycloak', { realm: 'x', clients: [{ users: [] }], users: two, roles: { realm: [{}] } }],
    [
      'a list of realms',
      'keycloak',
      [{ realm: 'x', users: two.slice(0, 1) }, { realm: 'none' }, { realm: 'y', users: two.slice(1) }],
    ],
    ['a list that is written over lines', 'auth0', two],
  ] as const)('may be %s (%s)', async (_what, format, document) => {
    const people = await read('document.json', ` \n${JSON.stringify(document, null, 2)}\n \n`, format);
    expect(people.map(({ line, record }) => [line, (record as { email: string }).email])).toEqual([
      [1, 'a@x.example'],
      [2, 'b@x.example'],
    ]);
  });

  test('keeps its users apart, however many they are', async () => {
    const text = `[${Array.from({ length: 20_000 }, (_, i) => `{"email":"p${i}@x.example","n":[1,{"m":null}]}`).join(',\n')}]`;
    const people = await read('many.json', text, 'jsonl');
    expect(people).toHaveLength(20_000);
    expect(people.at(-1)).toEqual({ line: 20_000, record: { email: 'p19999@x.example', n: [1, { m: null }] } });
  });

  test.each([
    ['a comma too many', '[{"email":"a@x.example"},]'],
    ['a comma too few', '[{"email":"a@x.example"}{"email":"b@x.example"}]'],
    ['no end', '[{"email":"a@x.example"}'],
    ['text after its end', '[{"email":"a@x.example"}] x'],
  ])('with %s is refused', async (_what, text) => {
    await expect(read('broken.json', text, 'jsonl')).rejects.toThrow(/the file is not JSON/);
  });

  test('with a user who is too large has the others', async () => {
    const people = await read('large.json', JSON.stringify([{ name: 'x'.repeat(300_000) }, ...two]), 'jsonl');
    expect(people.map(({ problem }) => problem?.slice(0, 19))).toEqual(['the user takes more', undefined, undefined]);
  });
});

describe('files of other products', () => {
  const hashOf = (user: ImportedUser) => (user.password.kind === 'hash' ? user.password.hash : '');

  test('a Keycloak realm of today, with what its mappers make claims of', async () => {
    const people = await read('realm26.json', JSON.stringify(keycloakRealm), 'keycloak');
    const ada = person(people[0]);
    expect(ada).toMatchObject({
      phoneNumber: '+442079460018',
      phoneNumberVerified: true,
      passwordUpdateRequired: true,
      profile: {
        nickname: 'ada',
        locale: 'pt-BR',
        address: { street_address: '12 St James’s Square', locality: 'London', country: 'UK' },
      },
      properties: { plan: 'gold' },
    });
    expect(await verifyForeignHash(hashOf(ada), theirPassword)).toBe(true);
    expect(people[0]?.warnings).toEqual([
      'requiredActions: CONFIGURE_TOTP is left out: mfa.enforcement says who must have a second factor',
    ]);
    const read0 = readRecord(people[0]?.record);
    expect(read0.kind === 'ready' && read0.warnings).toEqual(['picture: left out: Invalid URL']);
    expect(person(people[1])).toMatchObject({
      emailVerified: false,
      password: { kind: 'plain', password: theirPassword },
      passwordUpdateRequired: undefined,
    });
    expect(people[2]).toMatchObject({ skipped: 'is the account of the client shop-worker', service: 'shop-worker' });
  });

  test('a user of an old Keycloak', async () => {
    const [old] = await read('realm7.json', JSON.stringify([oldKeycloakUser]), 'keycloak');
    const joan = person(old);
    expect(await verifyForeignHash(hashOf(joan), 'password')).toBe(true);
    expect(joan.totp?.secret).toMatch(/^JBSWY3DP/);
    expect(old?.warnings).toEqual([
      'credentials: an authenticator that counts (HOTP) is left out: codes here follow the time',
      'credentials: webauthn is left out: the user adds it again on the account page',
    ]);
  });

  test.each([
    [
      'temporary',
      { credentials: [{ type: 'password', value: 'x', temporary: true }] },
      { passwordUpdateRequired: true },
    ],
    [
      'without parameters',
      {
        credentials: [
          {
            type: 'password',
            secretData: '{"value":"AAAA","salt":"AAAA"}',
            credentialData: '{"algorithm":"argon2","hashIterations":5}',
          },
        ],
      },
      { password: { kind: 'none' } },
    ],
    [
      'of an algorithm of its own',
      {
        credentials: [
          {
            type: 'password',
            secretData: '{"value":"AAAA","salt":"AAAA"}',
            credentialData: '{"algorithm":"rot13","hashIterations":5}',
          },
        ],
      },
      { password: { kind: 'none' } },
    ],
    ['in a directory', { federationLink: 'ldap', credentials: [] }, { password: { kind: 'none' } }],
    [
      'by bcrypt',
      {
        credentials: [
          {
            type: 'password',
            secretData: '{"value":"$2a$10$abcdefghijklmnopqrstuubyCG3zY1GIXMyxfivm.ClDiInHzxjiq","salt":""}',
            credentialData: '{"algorithm":"bcrypt","hashIterations":10}',
          },
        ],
      },
      { password: { kind: 'hash', scheme: 'bcrypt' } },
    ],
  ])('a password of Keycloak that is %s', async (what, members, expected) => {
    const [user] = await read('one.json', JSON.stringify([{ email: 'a@x.example', ...members }]), 'keycloak');
    expect(person(user)).toMatchObject(expected);
    const reasons: Record<string, string> = {
      'without parameters':
        'password_hash: left out, the user has no password here: the credential of Keycloak has no valid additionalParameters.type, additionalParameters.version, additionalParameters.memory, additionalParameters.parallelism',
      'of an algorithm of its own':
        'password_hash: left out, the user has no password here: rot13 is no algorithm of Keycloak that is known',
      'in a directory': 'password: left out: it is in a directory, not in the file',
    };
    expect(user?.warnings).toEqual(what in reasons ? [reasons[what]] : []);
  });

  test('the list that Auth0’s own import takes', async () => {
    const people = await read('import.json', JSON.stringify(auth0Import), 'auth0');
    const joe = person(people[0]);
    expect(joe).toMatchObject({
      legacyId: 'auth0|42',
      properties: { theme: 'light', app_metadata: { roles: ['admin'] } },
      totp: { secret: 'JBSWY3DPEHPK3PXP' },
    });
    expect(await verifyForeignHash(hashOf(joe), 'Zürich')).toBe(true);
    expect(people[0]?.warnings).toEqual(['mfa_factors: phone is left out: an authenticator app alone is taken']);
    expect(person(people[1]).password).toEqual({ kind: 'none' });
    expect(people[1]?.warnings).toEqual(['password_hash: left out: md4 is not computed here']);
  });

  test.each(['json', 'csv'])('Firebase as %s, with the parameters as its console shows them', async (kind) => {
    await writeFile(join(folder, 'firebase.txt'), firebaseConsole);
    const parameters = await readHashParameters(join(folder, 'firebase.txt'));
    const text = kind === 'json' ? JSON.stringify(firebaseExport) : firebaseCsv;
    const people = await read(`users.${kind}`, text, 'firebase', { parameters });
    const ada = person(people[0]);
    expect(ada).toMatchObject({
      legacyId: 'uid1',
      emailVerified: true,
      properties: { plan: 'gold' },
      createdAt: '2020-01-01T00:00:00.000Z',
      identities: [{ connection: 'firebase' }, { connection: 'google.com', subject: '12' }],
    });
    expect(await verifyForeignHash(hashOf(ada), 'hunter2')).toBe(true);
    if (kind === 'csv')
      expect(person(people[1])).toMatchObject({
        profile: { name: 'Bob, the second' },
        phoneNumber: '+12025550123',
        status: 'disabled',
      });
    else {
      expect(people[0]?.warnings).toEqual(['mfaInfo: phone is left out: the export has no secret of it']);
      expect(people[1]).toMatchObject({ skipped: 'is an anonymous account' });
    }
  });

  test('Firebase without the parameters of its hashes has users without passwords, and says so', async () => {
    const [ada] = await read('users.json', JSON.stringify(firebaseExport), 'firebase');
    expect(person(ada).password).toEqual({ kind: 'none' });
    expect(ada?.warnings?.at(-1)).toMatch(/^password_hash: left out.*signer_key/);
  });

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
      'HMAC',
      {
        custom_password_hash: {
          algorithm: 'hmac',
          hash: {
            value: createHmac('sha256', 'a key').update('Zürich').digest('hex'),
            encoding: 'hex',
            digest: 'sha256',
            key: { value: Buffer.from('a key').toString('base64'), encoding: 'base64' },
          },
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
