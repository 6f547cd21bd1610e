/** Hashes that other programs made, with their passwords. Where each comes from stands above it. */
import type { GivenHash } from '#credentials/foreign-hashes/formats.ts';

export type Vector = GivenHash & { scheme: string; password: string };

const long = 'we have a short salt string but not a short password';
const longer = 'a very much longer text to encrypt.  This one even stretches over morethan one line.';

/** "Unix crypt using SHA-256 and SHA-512", U. Drepper, section "Test vectors". */
const drepper: Vector[] = [
  ['Hello world!', '$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5'],
  ['Hello world!', '$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA'],
  ['This is just a test', '$5$rounds=5000$toolongsaltstrin$Un/5jzAHMgOGZ5.mWJpuVolil07guHPvOW8mGRcvxa5'],
  [longer, '$5$rounds=1400$anotherlongsalts$Rx.j8H.h8HjEDGomFU8bDkXm3XIUnzyxf12oP84Bnq1'],
  [long, '$5$rounds=77777$short$JiO1O3ZpDAxGJeaDIuqCoEFysAe1mZNJRs3pw0KQRd/'],
  ['the minimum number is still observed', '$5$rounds=1000$roundstoolow$yfvwcWrQ8l/K0DAWyuPMDNHpIVlTQebY9l/gL972bIC'],
  [
    'Hello world!',
    '$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1',
  ],
  [
    'Hello world!',
    '$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.',
  ],
  [
    longer,
    '$6$rounds=1400$anotherlongsalts$POfYwTEok97VWcjxIiSOjiykti.o/pQs.wPvMxQ6Fm7I6IoYN3CmLs66x9t0oSwbtEW7o7UmJEiDwGqd8p4ur1',
  ],
  [
    'a short string',
    '$6$rounds=123456$asaltof16chars..$BtCwjqMJGx5hrJhZywWvt0RLE8uZ4oPwcelCjmw2kSYu.Ec6ycULevoBK25fs2xXgMNrCzIMVcgEJAstJeonj1',
  ],
].map(([password = '', hash = '']) => ({
  scheme: hash.startsWith('$5$') ? 'sha256-crypt' : 'sha512-crypt',
  password,
  hash,
}));

/** crypt(3) of Debian, called by Perl; the last of them by `openssl passwd -apr1`. */
const unix: Vector[] = [
  ['', '$1$abcdefgh$M55TzYaaccxVGbptZWaxX/'],
  ['Zürich', '$1$abcdefgh$NqaB2O6egE7sjmPNIi0E2.'],
  ['a'.repeat(200), '$1$saltsalt$8/ZqzWidr1BMAHEbkOqRe/'],
  ['', '$5$abcdefgh$mnv0N8gJGuJiQCFVlADjwwxPyRiUO8rGuljjETTLqw9'],
  ['x'.repeat(32), '$5$abcdefgh$8Svw0BF9VcQgVy23EwGqhKG05VJnsT.WBieWTwF5l74'],
  ['x'.repeat(100), '$5$abcdefgh$.wvAZFRM3qcOyii0UxLpCnmG9xkhWx4Yxd4UqvBYIa7'],
  ['', '$6$abcdefgh$v7sYNA18/BerGOYQLppYLyjH4yJilp8kqe/ef3KYMK9hOIdzH1yzcmP74Ay.m51y1jP3QqxM7Jl75S4CxDhBq.'],
  ['Zürich', '$6$abcdefgh$Ge2SnzvhVbza4pcfZYKboQiea5xZUuS.2oU49RfNS4QaqjY3shGPVm5cT4DhvpOaxnEiRMFC3Atr894H8ezSl1'],
  [
    'x'.repeat(64),
    '$6$abcdefgh$J74PEApZRYnxFxfV7YR9J1SNDZA/y9/0zjoD/.pAGZufEnXskYcAOuzejxsvcHUUKaiVU43hXJUUM0/I8NBis1',
  ],
  ['', '$2b$04$abcdefghijklmnopqrstuubyCG3zY1GIXMyxfivm.ClDiInHzxjiq'],
  ['Zürich', '$2y$04$abcdefghijklmnopqrstuulGEfut91Q5ngXmajp18gpvxYMIw3zia'],
  ['x'.repeat(80), '$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i'],
  ['password', '$apr1$xxxxxxxx$dxHfLAsjHkDRmG83UXe8K0'],
].map(([password = '', hash = '']) => ({
  scheme: { $1: 'md5-crypt', $a: 'md5-crypt', $2: 'bcrypt', $5: 'sha256-crypt', $6: 'sha512-crypt' }[hash.slice(0, 2)]!,
  password,
  hash,
}));

/** The tests of Django 4.1, tests/auth_tests/test_hashers.py; bcrypt_sha256 over the bcrypt of the package. */
const django: Vector[] = [
  ['lètmein', 'pbkdf2_sha256$390000$seasalt$8xBlGd3jVgvJ+92hWPxi5ww0uuAuAnKgC45eudxro7c='],
  ['lètmein', 'pbkdf2_sha1$390000$seasalt2$aDapRanzW8aHTz97v2TcfHzWD+I='],
  ['', 'pbkdf2_sha256$1000$seasalt$XHfRVmyEZRTCcSbqGP00JKv0fRwYHK0ogjPZdSJxCXk='],
  ['lètmein', 'sha1$seasalt$cff36ea83f5706ce9aa7454e63e431fc726b2dc8'],
  ['lètmein', 'md5$seasalt$3f86d0d3d465b7b458c231bf3555c0e3'],
  ['lètmein', 'sha1$$6d138ca3ae545631b3abd71a4f076ce759c5700b'],
  [
    'secret',
    'argon2$argon2i$m=8,t=1,p=1$c29tZXNhbHQ$gwQOXSNhxiOxPOA0+PY10P9QFO4NAYysnqRt1GSQLE55m+2GYDt9FEjPMHhP2Cuf0nOEXXMocVrsJAtNSsKyfg',
  ],
  ['secret', 'argon2$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$YC9+jJCrQhs5R6db7LlN8Q'],
  ['secret', 'argon2$argon2id$v=19$m=102400,t=2,p=8$Y041dExhNkljRUUy$TMa6A8fPJhCAUXRhJXCXdw'],
  [
    'Zürich',
    'scrypt$1024$seasalt$8$1$RnNkZA6JWuXuhIiKSs74mWpLxzR+ETjuJRD/HurQRjM55eXDFnf0fUxNX6Bkm8QNhYmrO/nnLHzNYCLPAydUPg==',
  ],
  ['Zürich', 'bcrypt_sha256$$2b$04$abcdefghijklmnopqrstuu7s9bUJww05RzEFpJHTrsz/wvGXkVASW'],
  ['Zürich', 'bcrypt$$2y$04$abcdefghijklmnopqrstuulGEfut91Q5ngXmajp18gpvxYMIw3zia'],
].map(([password = '', hash = '']) => ({ scheme: 'django', password, hash }));

/** hashlib of Python 3, which has PBKDF2, scrypt and the digests of its own OpenSSL. */
const python: Vector[] = [
  ['scrypt', '', '$scrypt$ln=10,r=8,p=1$TmFDbCBzYWx0$SUiBQ5jHPJmn952CjQNIurhRA/0Mof2Y8l/67Al0aU0'],
  ['scrypt', 'Zürich', '$scrypt$ln=10,r=8,p=1$TmFDbCBzYWx0$u3gzZn2bQWjz64q0G5kSt+T4HGZzVCrdpgteFQ1Ct90'],
  [
    'pbkdf2',
    '',
    '$pbkdf2-sha1$i=1000$MDEyMzQ1Njc4OWFiY2RlZg$VfMImxhWwGJHL5Xjq9oGdIQvgqmbqlg/BLwOZEQzeMA8l6tVFgrCS/cr5QfD0Na2GFQDqq9eTAZPBGIV0jbuOg',
  ],
  [
    'pbkdf2',
    'Zürich',
    '$pbkdf2-sha256$1000$MDEyMzQ1Njc4OWFiY2RlZg$zgEJdjTys4nHt2Vqn0/jpaWp.rhhv7zoloMPzSwD3yHfy3XDITQdvNUSznjWpcpUKH.1soCtY6iICJHw8.qyEg',
  ],
  [
    'pbkdf2',
    'Zürich',
    '$pbkdf2-sha384$i=1000$MDEyMzQ1Njc4OWFiY2RlZg$MrGb7pMzyaa1AZwbHVxElyI+BpPI6cW/jBM11ls/isMjyoBs4492OkPXZdSmXLT3E6i265NqRB5PZnlA0VktOw',
  ],
  [
    'pbkdf2',
    'Zürich',
    '$pbkdf2-sha512$i=1000,l=64$MDEyMzQ1Njc4OWFiY2RlZg$uZgL4QnG2y8ct50k5yVdMOysmleKOwp0fIF3j4Xu/vk/vUfJlVGap9ersNRgJidPxNySEyymdpAxwZ+sGh88Xg',
  ],
  ['ldap', '', '{SSHA}spXRFxNal2PaKC59rnOlyn0+WxFzYWx0'],
  ['ldap', 'Zürich', '{SSHA}LWf12MEh8QEoU0n/j0IObDR9tfNzYWx0'],
  ['ldap', 'Zürich', '{SSHA256}bPnXq2A4pIaDGxpEgkbu/WfVCads1HECABwyXTcYiONzYWx0'],
  [
    'ldap',
    'Zürich',
    '{ssha512}B5aCLWsbfNW81bOUCvWeQXehxDclF7iRxZ6NDMB+LyeKWFpQS6EG13RJpytqXs6u6yoQqktCtZNg/6ebikgw8XNhbHQ=',
  ],
  ['ldap', 'Zürich', '{SHA}m17kGi0JAP1sIXdhbJD2Tu5BtVo='],
  ['ldap', 'Zürich', '{SMD5}AaZPwV912UN7j54vopXzUnNhbHQ='],
  ['ldap', 'Hello world!', '{CRYPT}$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5'],
  ['ldap', 'secret', '{ARGON2}$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$YC9+jJCrQhs5R6db7LlN8Q'],
].map(([scheme = '', password = '', hash = '']) => ({ scheme, password, hash }));

const others: Vector[] = [
  // The README of github.com/firebase/scrypt.
  {
    scheme: 'firebase-scrypt',
    password: 'user1password',
    hash: 'lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==',
    format: 'firebase-scrypt',
    parameters: {
      signer_key: 'jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==',
      salt_separator: 'Bw==',
      rounds: 8,
      mem_cost: 14,
      salt: '42xEC+ixf3L2lw==',
    },
  },
  // Its tests (test_data/single_password).
  {
    scheme: 'firebase-scrypt',
    password: 'hunter2',
    hash: '$firebase-scrypt$ln=14,r=8$Bw==$jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$42xEC+ixf3L2lw==$70k8Vg5B3/OrvJOiqusnasv0dLcBHoDAqJrJr7TRLBfMw4MitWx51YXJYFdGiyMbMeKtWtLf5HiBDcN0SUOm4A==',
  },
  // phpass 0.5, test.php; WordPress writes the same with B.
  { scheme: 'phpass', password: 'test12345', hash: '$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0' },
  { scheme: 'phpass', password: 'test12345', hash: '$H$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0' },
  // The examples of hashcat, modes 400 and 7900 (Drupal 7).
  { scheme: 'phpass', password: 'hashcat', hash: '$P$984478476IagS59wHZvyQMArzfx58u.' },
  { scheme: 'phpass', password: 'hashcat', hash: '$S$C33783772bRXEx1aCsvY.dqgaaSu76XmVlKrW9Qu8IQlvxHlmzLf' },
  // Made by password_hash of PHP for WordPress 6.8.
  { scheme: 'wordpress', password: 'admin', hash: '$wp$2y$10$Q1xinFjrZeLWJBvxviIL6u834Fu.evIEFHAUVisQ5O.w9Dm0sMdES' },
  // crypt_blowfish 1.3, wrapper.c.
  { scheme: 'bcrypt', password: 'U*U', hash: '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW' },
  // dotnet/aspnetcore, PasswordHasherTest.cs: version 2, then version 3 with SHA-1, SHA-256 and SHA-512.
  ...[
    'ANXrDknc7fGPpigibZXXZFMX4aoqz44JveK6jQuwY3eH/UyPhvr5xTPeGYEckLxz9A==',
    'AQAAAAAAAAD6AAAAEAhftMyfTJylOlZT+eEotFXd1elee8ih5WsjXaR3PA9M',
    'AQAAAAEAACcQAAAAEAABAgMEBQYHCAkKCwwNDg+yWU7rLgUwPZb1Itsmra7cbxw2EFpwpVFIEtP+JIuUEw==',
    'AQAAAAEAA9CQAAAAIESkQuj2Du8Y+kbc5lcN/W/3NiAZFEm11P27nrSN5/tId+bR1SwV8CO1Jd72r4C08OLvplNlCDc3oQZ8efcW+jQ=',
    'AQAAAAIAAAAyAAAAEOMwvh3+FZxqkdMBz2ekgGhwQ4B6pZWND6zgESBuWiHw',
    'AQAAAAIAAAD6AAAAIJbVi5wbMR+htSfFp8fTw8N8GOS/Sje+S/4YZcgBfU7EQuqv4OkVYmc4VJl9AGZzmRTxSkP7LtVi9IWyUxX8IAAfZ8v+ZfhjCcudtC1YERSqE1OEdXLW9VukPuJWBBjLuw==',
  ].map((hash) => ({ scheme: 'aspnet-identity', format: 'aspnet-identity', password: 'my password', hash })),
  // Realm exports of Keycloak 21 and 24.
  {
    scheme: 'pbkdf2',
    format: 'keycloak',
    password: 'password',
    hash: JSON.stringify({
      secretData:
        '{"value":"JsfNbCOIdZUbyBJ+BT+VoGI91Ec2rWLOvkLPDaX8e9k=","salt":"P5rtFkGtPfoaryJ6PizUJw==","additionalParameters":{}}',
      credentialData: '{"hashIterations":27500,"algorithm":"pbkdf2-sha256","additionalParameters":{}}',
    }),
  },
  {
    scheme: 'argon2',
    format: 'keycloak',
    password: '1234',
    hash: JSON.stringify({
      value: 'G/V3ye8ifqt0FVNOku1zKxPbuBACsDKWlrDM/bKZ0yA=',
      salt: '3RUis2NC1ADi7ZoYXcfs5A==',
      algorithm: 'argon2',
      hashIterations: 5,
      additionalParameters: {
        hashLength: ['32'],
        memory: ['7168'],
        type: ['id'],
        version: ['1.3'],
        parallelism: ['1'],
      },
    }),
  },
  // The same with the parameters where an export has them.
  {
    scheme: 'argon2',
    format: 'keycloak',
    password: 'Winter-was-long-2019',
    hash: JSON.stringify({
      secretData:
        '{"value":"7wx8z0oOSvVLeCeZwJgFapEOdel+JUIAGsz/EC8TER4=","salt":"MhZeP7+T3X1IjwU5nC+rZA==","additionalParameters":{}}',
      credentialData:
        '{"hashIterations":5,"algorithm":"argon2","additionalParameters":{"hashLength":["32"],"memory":["7168"],"type":["id"],"version":["1.3"],"parallelism":["1"]}}',
    }),
  },
  // HMAC as many pages about it show it.
  {
    scheme: 'hmac',
    format: 'hmac',
    password: 'The quick brown fox jumps over the lazy dog',
    hash: 'f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8',
    parameters: { algorithm: 'sha256', key: 'key' },
  },
  // sha256sum of `s4lt` and the password; of the password between two salts.
  {
    scheme: 'salted-digest',
    format: 'salted-digest',
    password: 'Zürich',
    hash: 'dda2af309c7acb717d96dc1816dbf709131c98cda98be341a8ef6e4ecdd0d491',
    parameters: { algorithm: 'sha256', salt: 's4lt', template: '{salt}{password}' },
  },
  {
    scheme: 'salted-digest',
    format: 'salted-digest',
    password: '',
    hash: 'E1epoexSSI4cZjjEYBwhzEeoKxBL10O+hISwdDYS1Z0=',
    parameters: { algorithm: 'sha256', salt: 's4lt', template: '{salt}{password}', encoding: 'base64' },
  },
  {
    scheme: 'salted-digest',
    format: 'salted-digest',
    password: 'Zürich',
    hash: 'c39c2078ce97c0bacf21fd01512d9874081904c8',
    parameters: { algorithm: 'sha1', salt: '61623132', salt_encoding: 'hex', template: 'pepper-{salt}:{password}:' },
  },
];

export const vectors: readonly Vector[] = [...drepper, ...unix, ...django, ...python, ...others];
