import { view } from '#kernel/views.ts';

/** The mails that a node without SMTP caught, the newest first. */
type MailboxPage = { mails: readonly { url: string; to: string; subject: string; at: Date; isText: boolean }[] };

const at = new Date('2026-11-22T10:27:00Z');

export const mailboxView = view<MailboxPage>('trial/mailbox/list.njk', {
  samples: {
    empty: { mails: [] },
    some: {
      mails: [
        {
          url: '/dev/mailbox/2',
          to: 'noor@fernway.example',
          subject: 'Your sign-in code is 402 913',
          at,
          isText: false,
        },
        { url: '/dev/mailbox/3', to: '+12025550123', subject: '402913 is your Fernway code', at, isText: true },
        {
          url: '/dev/mailbox/1',
          to: 'ada@fernway.example',
          subject: 'Confirm your email address',
          at: new Date('2026-11-21T08:02:00Z'),
          isText: false,
        },
      ],
    },
    hostile: {
      mails: [
        { url: '/dev/mailbox/1', to: '"><b>@x.example', subject: '<script>alert(1)</script>\u202E', at, isText: false },
      ],
    },
    long: {
      mails: [
        { url: '/dev/mailbox/1', to: `${'a'.repeat(200)}@x.example`, subject: 'subject'.repeat(60), at, isText: false },
      ],
    },
  },
});

type MailPage = {
  backUrl: string;
  /** Null for a text message. */
  from: string | null;
  to: string;
  subject: string;
  at: Date;
  /** The plain text part. */
  text: string;
  /** Where the HTML part is; null where there is none. */
  htmlUrl: string | null;
  /** The addresses in it; what is not http(s) is not shown. */
  links: readonly string[];
};

const plain: MailPage = {
  backUrl: '/dev/mailbox',
  from: 'Latchkey <no-reply@localhost>',
  to: 'noor@fernway.example',
  subject: 'Confirm your email address',
  at,
  text: 'Hello Noor,\n\nconfirm that this address is yours:\n\nhttp://localhost:3000/verification/3f2a9c1b\n\nIf you did not ask for this, do nothing.\n',
  htmlUrl: '/dev/mailbox/1/html',
  links: ['http://localhost:3000/verification/3f2a9c1b'],
};

export const mailView = view<MailPage>('trial/mailbox/mail.njk', {
  samples: {
    plain,
    'without links': { ...plain, links: [] },
    'text message': {
      ...plain,
      from: null,
      to: '+12025550123',
      subject: '402913 is your code',
      text: '402913 is your code',
      htmlUrl: null,
      links: [],
    },
    hostile: {
      ...plain,
      from: '<script>@x.example',
      to: '"><b>@x.example',
      subject: '<script>alert(1)</script>\u202E',
      text: '</div><script>alert(1)</script>',
      links: ['javascript:alert(1)', 'http://x.example/"onclick="alert(1)'],
    },
    long: {
      ...plain,
      subject: 'subject'.repeat(60),
      text: 'word'.repeat(400),
      links: [`http://localhost:3000/${'token'.repeat(100)}`],
    },
  },
});
