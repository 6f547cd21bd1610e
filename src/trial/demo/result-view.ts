import { view } from '#kernel/views.ts';

/** The tokens and claims of the demo app, with explanations. */
export type DemoResultPage = {
  person: { subject: string; name: string | null; email: string | null };
  idToken: { raw: string; header: readonly DemoClaim[]; claims: readonly DemoClaim[] };
  accessToken: { raw: string; isJwt: boolean; expiresInSeconds: number; scope: string };
  refreshToken: string | null;
  /** The userinfo response; null before the first request. */
  userinfo: readonly DemoClaim[] | null;
  /** The result of the last button. */
  news: 'refreshed' | 'userinfo' | null;
  /** The error of the last request. */
  failure: { error: string; description: string | null } | null;
  /** Each is a form that posts. */
  refreshUrl: string;
  userinfoUrl: string;
  signOutUrl: string;
  /** The mailbox of this node, null where it has none. */
  mailboxUrl: string | null;
};

type DemoClaim = {
  name: string;
  /** As JSON, strings without their quotes. */
  value: string;
  /** The same as a time, for claims that count seconds. */
  time: Date | null;
};

const times = new Set(['exp', 'iat', 'nbf', 'auth_time', 'updated_at']);

/** The members of a token or an answer, as the page shows them. */
export function demoClaims(members: Readonly<Record<string, unknown>>): readonly DemoClaim[] {
  return Object.entries(members).map(([name, value]) => ({
    name,
    value: typeof value === 'string' ? value : (JSON.stringify(value) ?? ''),
    time: times.has(name) && typeof value === 'number' && Math.abs(value) < 8.64e12 ? new Date(value * 1000) : null,
  }));
}

const jwt = `eyJhbGciOiJSUzI1NiIsImtpZCI6ImsxIn0.${'eyJzdWIiOiJ1c3JfMDFqZGE3cTBtNHc4In0'.repeat(6)}.${'c2lnbmF0dXJl'.repeat(20)}`;

const plain: DemoResultPage = {
  person: { subject: 'usr_01jda7q0m4w8t2c5v9xn3zkr6p', name: 'Noor Haddad', email: 'noor@fernway.example' },
  idToken: {
    raw: jwt,
    header: demoClaims({ alg: 'RS256', kid: 'k1', typ: 'JWT' }),
    claims: demoClaims({
      sub: 'usr_01jda7q0m4w8t2c5v9xn3zkr6p',
      name: 'Noor Haddad',
      email: 'noor@fernway.example',
      email_verified: true,
      iss: 'http://localhost:3000',
      aud: 'demo',
      exp: 1795346820,
      iat: 1795343220,
      auth_time: 1795343219,
      nonce: 'Vb1c9sLq',
      at_hash: 'Zr0e7m7h5l8',
      sid: 'b1946ac92492d234',
    }),
  },
  accessToken: {
    raw: 'kM8sVx2e0RZq7PnG4b1w',
    isJwt: false,
    expiresInSeconds: 600,
    scope: 'openid profile email offline_access',
  },
  refreshToken: 'r7PnG4b1wkM8sVx2e0RZq',
  userinfo: null,
  news: null,
  failure: null,
  refreshUrl: '/demo/refresh',
  userinfoUrl: '/demo/userinfo',
  signOutUrl: '/demo/sign-out',
  mailboxUrl: '/dev/mailbox',
};

export const demoResultView = view<DemoResultPage>('trial/demo/result.njk', {
  samples: {
    plain,
    'with userinfo': {
      ...plain,
      news: 'userinfo',
      userinfo: demoClaims({
        sub: 'usr_01jda7',
        name: 'Noor Haddad',
        address: { locality: 'Utrecht' },
        updated_at: 1795343219,
      }),
    },
    'with a mail server': { ...plain, mailboxUrl: null },
    refreshed: { ...plain, news: 'refreshed' },
    'a JWT, no refresh token, every claim': {
      ...plain,
      person: { subject: 'usr_01jda7', name: null, email: null },
      accessToken: { ...plain.accessToken, raw: jwt, isJwt: true },
      refreshToken: null,
      idToken: {
        ...plain.idToken,
        claims: demoClaims({
          sub: 'usr_01jda7',
          acr: 'urn:latchkey:password',
          amr: ['pwd'],
          azp: 'demo',
          c_hash: 'x',
          s_hash: 'y',
          jti: 'z',
          nbf: 1795343219,
          client_id: 'demo',
          scope: 'openid',
          own: [1],
        }),
      },
    },
    failed: { ...plain, failure: { error: 'invalid_grant', description: 'grant request is invalid' } },
    'failed without words': { ...plain, failure: { error: 'server_error', description: null } },
    hostile: {
      ...plain,
      person: { subject: '<b>', name: '<script>alert(1)</script>\u202E', email: null },
      idToken: {
        raw: '"><b>',
        header: demoClaims({ '<b>': '<i>' }),
        claims: demoClaims({ __proto__x: '"><script>', exp: 1e300, constructor: null }),
      },
    },
  },
});
