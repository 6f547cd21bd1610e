import { view } from '#kernel/views.ts';

/** The landing page of the relying party that comes with a node on a developer's own machine. */
type DemoStartPage = {
  /** Begins the authorization request. */
  signInUrl: string;
  issuer: string;
  /** The mailbox of this node, null where it has none. */
  mailboxUrl: string | null;
  /** The error instead of a sign-in: the protocol's own texts, or one of our codes, for which the page has a text. */
  failure: { error: string; description: string | null } | null;
};

const plain: DemoStartPage = {
  signInUrl: '/demo/sign-in',
  issuer: 'http://localhost:3000',
  mailboxUrl: '/dev/mailbox',
  failure: null,
};

export const demoStartView = view<DemoStartPage>('trial/demo/start.njk', {
  samples: {
    plain,
    'with a mail server': { ...plain, mailboxUrl: null },
    'access denied': { ...plain, failure: { error: 'access_denied', description: 'End-User aborted interaction' } },
    'an answer that no sign-in waits for': { ...plain, failure: { error: 'unknown_state', description: null } },
    'no provider': { ...plain, failure: { error: 'provider_unreachable', description: null } },
    'an error without words': { ...plain, failure: { error: 'server_error', description: null } },
    hostile: {
      ...plain,
      issuer: '<b>',
      failure: { error: '<script>alert(1)</script>', description: `${'<b>'.repeat(60)}\u202E` },
    },
  },
});
