/**
 * Security headers of every response, errors and redirects included. The headers are set before the request goes
 * on, because the engine amends the policy that it finds: it adds the hash of its own script to `script-src` on the pages
 * that post themselves, and takes `frame-ancestors` away from the one that answers a frame by `postMessage`.
 */
import type { Config } from '../config.ts';
import type { Middleware } from './context.ts';
import type { Mount } from './mounts.ts';

type Headers = readonly (readonly [string, string])[];

/** Recognised by browsers; clipboard-write alone is left to our own pages, for the buttons that copy. */
const deniedFeatures = [
  'accelerometer',
  'autoplay',
  'browsing-topics',
  'camera',
  'clipboard-read',
  'display-capture',
  'encrypted-media',
  'fullscreen',
  'gamepad',
  'geolocation',
  'gyroscope',
  'hid',
  'identity-credentials-get',
  'idle-detection',
  'local-fonts',
  'magnetometer',
  'microphone',
  'midi',
  'otp-credentials',
  'payment',
  'picture-in-picture',
  'screen-wake-lock',
  'serial',
  'storage-access',
  'usb',
  'web-share',
  'window-management',
  'xr-spatial-tracking',
];

const permissionsPolicy = [
  ...deniedFeatures.map((feature) => `${feature}=()`),
  'publickey-credentials-create=(self)',
  'publickey-credentials-get=(self)',
].join(', ');

/** Two years, as the preload list asks for. */
const STRICT_TRANSPORT = 'max-age=63072000; includeSubDomains';

/** For answers that hold no page: nothing in them may load or run anything. */
const policyOfData = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const policyOfLetter =
  "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox";

const policyOfPage = (nonce: string, { formsLeadOut = false }: Pick<Mount, 'formsLeadOut'>): string =>
  [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    ...(formsLeadOut ? [] : ["form-action 'self'"]),
    "frame-ancestors 'none'",
  ].join('; ');

/** Of every response; HSTS only on https. */
const everywhere = ({ issuerUrl }: Pick<Config, 'issuerUrl'>): Headers => [
  ['X-Content-Type-Options', 'nosniff'],
  ['Referrer-Policy', 'no-referrer'],
  ['Permissions-Policy', permissionsPolicy],
  // Data and pages with personal content are the rule; what may be cached says so itself.
  ['Cache-Control', 'no-store'],
  ...(issuerUrl.protocol === 'https:' ? ([['Strict-Transport-Security', STRICT_TRANSPORT]] as const) : []),
];

const headersAt = (mount: Mount | undefined, policy: string): Headers => [
  ['Cross-Origin-Resource-Policy', mount?.crossOrigin ? 'cross-origin' : 'same-origin'],
  ...(mount?.keepsOpener ? [] : ([['Cross-Origin-Opener-Policy', 'same-origin']] as const)),
  ['Content-Security-Policy', policy],
];

/** The security headers of a response with data at this mount. */
export const securityHeadersOfData = (config: Pick<Config, 'issuerUrl'>, mount: Mount): Record<string, string> =>
  Object.fromEntries([...everywhere(config), ...headersAt(mount, policyOfData)]);

/** Middleware that sets the security headers of every response. */
export function securityHeaders(config: Pick<Config, 'issuerUrl'>): Middleware {
  const always = everywhere(config);
  return async function securityHeaders(ctx, next) {
    const { mount } = ctx.state;
    const isPage = mount === undefined || mount.audience === 'page';
    const policy = isPage ? policyOfPage(ctx.state.nonce, mount ?? {}) : policyOfData;
    for (const [name, value] of always) ctx.res.setHeader(name, value);
    for (const [name, value] of headersAt(mount, policy)) ctx.res.setHeader(name, value);
    return next();
  };
}

type HeaderContext = { res: { getHeader(name: string): unknown; setHeader(name: string, value: string): unknown } };

/** Lets this page show pages of ours in frames. */
export function allowFrames(ctx: HeaderContext): void {
  amendPolicy(ctx, (policy) => `${policy}; frame-src 'self'`);
}

/** Lets pages of ours show this one in a frame. For what stands there to be looked at: nothing in it runs. */
export function allowFramingByUs(ctx: HeaderContext): void {
  amendPolicy(ctx, (policy) =>
    policy
      .replace(/frame-ancestors [^;]*/, "frame-ancestors 'self'")
      .replace(/script-src [^;]*/, "script-src 'none'")
      .replace(/form-action [^;]*/, "form-action 'none'"),
  );
}

/** For a mail that a page of ours shows in a frame: it has the styles that mail programs need, and nothing in it runs or is sent. */
export function allowLetterInFrame(ctx: HeaderContext): void {
  ctx.res.setHeader('Content-Security-Policy', policyOfLetter);
}

function amendPolicy(ctx: HeaderContext, amend: (policy: string) => string): void {
  const policy = ctx.res.getHeader('content-security-policy');
  if (typeof policy === 'string') ctx.res.setHeader('Content-Security-Policy', amend(policy));
}
