import { view } from '#kernel/views.ts';
import type { ShownAccount } from '#directory/users/module.ts';

export type DeviceConfirmPage = {
  /** Where the form posts to; buttons `action=confirm` and `action=abort`. */
  action: string;
  fields: Readonly<Record<string, string>>;
  /** As the device shows it, with its dash. */
  userCode: string;
  client: { name: string };
  scopes: readonly { name: string; description: string | null; api: string | null }[];
  /** The origin of the request for the code: it distinguishes a device in the room from one elsewhere. */
  asked: {
    /** Town and country, null where we do not know. */
    place: string | null;
    ip: string;
    /** As sent, empty where nothing was. */
    userAgent: string;
    secondsAgo: number;
  };
  /** The signed-in user; null without one. */
  account: ShownAccount | null;
  /** The email address of the account, where it has one. */
  email: string | null;
  switchUrl: string | null;
};

const plain: DeviceConfirmPage = {
  action: '/oidc/device',
  fields: { xsrf: 'b1946ac92492d234', user_code: 'WDJB-MJHT' },
  userCode: 'WDJB-MJHT',
  client: { name: 'Tally CLI' },
  scopes: [
    { name: 'openid', description: null, api: null },
    { name: 'email', description: null, api: null },
    { name: 'invoices:write', description: 'Read and change your invoices', api: 'Fernway Studio' },
  ],
  asked: { place: 'Utrecht, Netherlands', ip: '203.0.113.24', userAgent: 'tally/2.4 (Linux; x86_64)', secondsAgo: 40 },
  account: { name: null, identifier: 'noor@fernway.example' },
  email: 'noor@fernway.example',
  switchUrl: '/interaction/4Tj2/account',
};

export const deviceConfirmView = view<DeviceConfirmPage>('sign-in/device/confirm.njk', {
  samples: {
    plain,
    'not signed in, little known': {
      ...plain,
      asked: { place: null, ip: '2001:db8::1', userAgent: '', secondsAgo: 400 },
      account: null,
      switchUrl: null,
    },
    hostile: {
      ...plain,
      userCode: '<b>WDJB',
      client: { name: '<script>alert(1)</script>\u202E' },
      scopes: [{ name: '<i>', description: null, api: '<u>' }],
      asked: { place: '"><b>', ip: '::1', userAgent: 'Mozilla/5.0 <img src=x onerror=alert(1)>', secondsAgo: 1 },
      account: { name: '"><b>', identifier: '<@x.example' },
    },
    long: {
      ...plain,
      client: { name: 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft' },
      asked: {
        place: 'Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch, Wales',
        ip: '2001:0db8:85a3:0000:0000:8a2e:0370:7334',
        userAgent: `Mozilla/5.0 ${'(compatible;verylongproductname/1.0)'.repeat(10)}`,
        secondsAgo: 599,
      },
    },
  },
});
