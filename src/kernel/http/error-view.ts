import { view } from '../views.ts';

/** Errors that must not redirect. Each has a title, a description and advice in `views/locales/`. */
export type ErrorKind =
  | 'not-found'
  /** The object of the address has ended. */
  | 'expired'
  | 'bad-redirect-uri'
  | 'unknown-client'
  | 'bad-post-logout-redirect-uri'
  | 'bad-id-token-hint'
  | 'invalid-request'
  /** The hidden form token is missing, old or of another browser. */
  | 'forbidden-form'
  | 'forbidden'
  | 'throttled'
  /** 503: something that we need is away. */
  | 'unavailable'
  | 'fault';

export type ErrorPage = {
  kind: ErrorKind;
  requestId: string;
  at: Date;
  /** Details for the app's developers. Every value may be an attacker's text. */
  protocol: { error: string; description: string | null; received: string | null; clientId: string | null } | null;
  /** A client that we know, with its *registered* home page; never an address that was received. */
  client: { name: string; homeUrl: string | null } | null;
  /** Where trying again makes sense: a path of ours. */
  retryUrl: string | null;
  /** How long to wait before that. */
  waitSeconds: number | null;
};

const plain: ErrorPage = {
  kind: 'fault',
  requestId: '0195b7e0-3f6a-4c1d-9e52-7a8b9c0d1e2f',
  at: new Date('2026-11-22T10:27:00Z'),
  protocol: null,
  client: null,
  retryUrl: null,
  waitSeconds: null,
};

const protocol = { description: null, received: null, clientId: 'tally-web' };

export const errorView = view<ErrorPage>('errors/error.njk', {
  samples: {
    fault: { ...plain, retryUrl: '/' },
    'not found': { ...plain, kind: 'not-found' },
    expired: { ...plain, kind: 'expired', client: { name: 'Tally', homeUrl: 'https://tally.example/' } },
    'bad redirect URI': {
      ...plain,
      kind: 'bad-redirect-uri',
      client: { name: 'Tally', homeUrl: 'https://tally.example/' },
      protocol: {
        ...protocol,
        error: 'invalid_redirect_uri',
        description: "redirect_uri did not match any of the client's registered redirect_uris",
        received: 'https://app.tally.example/callback/',
      },
    },
    'unknown client': {
      ...plain,
      kind: 'unknown-client',
      protocol: { ...protocol, error: 'invalid_client', clientId: 'tally-wbe' },
    },
    'bad post_logout_redirect_uri': {
      ...plain,
      kind: 'bad-post-logout-redirect-uri',
      protocol: {
        ...protocol,
        error: 'invalid_request',
        received: 'https://app.tally.example/bye',
        description: 'post_logout_redirect_uri not registered',
      },
    },
    'bad id_token_hint': {
      ...plain,
      kind: 'bad-id-token-hint',
      protocol: { ...protocol, error: 'invalid_request', clientId: null },
    },
    'invalid request': {
      ...plain,
      kind: 'invalid-request',
      protocol: { ...protocol, error: 'invalid_request', description: 'response_type is missing' },
    },
    'forbidden form': { ...plain, kind: 'forbidden-form', retryUrl: '/interaction/4Tj2' },
    forbidden: { ...plain, kind: 'forbidden' },
    throttled: { ...plain, kind: 'throttled', waitSeconds: 300 },
    unavailable: { ...plain, kind: 'unavailable', waitSeconds: 5, retryUrl: '/interaction/4Tj2' },
    hostile: {
      ...plain,
      kind: 'bad-redirect-uri',
      requestId: '"><script>alert(1)</script>',
      client: { name: '<b>Tally</b>', homeUrl: 'javascript:alert(1)' },
      protocol: {
        error: '<script>',
        description: '\u202E"><img src=x onerror=alert(1)>',
        received: 'javascript:alert(document.domain)//"><svg onload=alert(1)>',
        clientId: "' or 1=1 --",
      },
    },
    long: {
      ...plain,
      kind: 'bad-redirect-uri',
      protocol: {
        ...protocol,
        error: 'invalid_redirect_uri',
        received: `https://app.tally.example/${'callback'.repeat(60)}`,
        clientId: 'c'.repeat(200),
      },
    },
  },
});
