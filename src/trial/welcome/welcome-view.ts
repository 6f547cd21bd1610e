import { view } from '#kernel/views.ts';

/** The root of a node on a developer's own machine. */
type WelcomePage = {
  issuer: string;
  discoveryUrl: string;
  demoUrl: string;
  /** Null where mails really go out. */
  mailboxUrl: string | null;
  version: string;
};

const plain: WelcomePage = {
  issuer: 'http://localhost:3000',
  discoveryUrl: 'http://localhost:3000/.well-known/openid-configuration',
  demoUrl: '/demo',
  mailboxUrl: '/dev/mailbox',
  version: '0.1.0',
};

export const welcomeView = view<WelcomePage>('trial/welcome/welcome.njk', {
  samples: {
    plain,
    'with a mail server': { ...plain, mailboxUrl: null },
    long: {
      ...plain,
      issuer: `https://${'sub.'.repeat(30)}example.com`,
      discoveryUrl: `https://${'sub.'.repeat(30)}example.com/.well-known/openid-configuration`,
    },
  },
});
