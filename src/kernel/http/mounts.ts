/**
 * The site map: every address of the product, who it speaks to and what it admits. A path that is not in it does not
 * exist, whatever a router behind it would make of it: the engine's, for one, takes `/OIDC/TOKEN` and `/oidc/token/`.
 */
type Audience =
  /** Users: errors are pages. */
  | 'page'
  /** Programs of the management interfaces: errors are RFC 9457 problems. */
  | 'problem'
  /** Clients of OAuth: errors are `{ error, error_description }` (RFC 6749 §5.2). */
  | 'oauth';

export type Mount = Readonly<{
  /** An exact path, or with `/*` at its end every path below it. Also the name of its group in metrics. */
  path: string;
  audience: Audience;
  /** The allowed methods; HEAD comes with GET, unless GET has an effect. */
  methods: readonly string[];
  /** GET is a step of something (the protocol makes browsers go on by it); HEAD must not take one (RFC 9110 §9.2.1). */
  getActs?: boolean;
  /** Single-page applications of other origins read the answer: `Cross-Origin-Resource-Policy: cross-origin`. */
  crossOrigin?: boolean;
  /**
   * Pages of a sign-in, a device or a sign-out, which a relying party may have opened as a popup: no
   * `Cross-Origin-Opener-Policy`, which would cut the tie to `window.opener` on the way.
   */
  keepsOpener?: boolean;
  /**
   * A form here ends, by redirects, at the registered address of a relying party, or wherever that one redirects to: no
   * `form-action`, which Chromium applies to the whole chain (CSP 3 §6.4.1).
   */
  formsLeadOut?: boolean;
  /**
   * A well-known address (RFC 8615), which is at the root of the host too when the issuer has a path: as it is, or with the path
   * of the issuer behind it (RFC 8414 §3.1).
   */
  wellKnown?: 'of-host' | 'before-path';
  /** A GET without a query gets the same response for every client, until the cached document is invalidated. */
  constant?: boolean;
  /** Bytes; 64 KiB unless said otherwise, 256 KiB for `problem`. */
  bodyLimit?: number;
  /** Third-party code (the engine) reads parameters and body: the guard watches the body on its way there. */
  delegated?: boolean;
}>;

/** Methods of pages: shown, and sent by a form. */
export const READ = ['GET'] as const;
export const READ_AND_SEND = ['GET', 'POST'] as const;
/** A relying party may show these in a popup. */
export const inPopup = { keepsOpener: true } as const;
/** The last form of a sign-in or a sign-out ends at the relying party. */
export const leadingOut = { ...inPopup, formsLeadOut: true } as const;

export type Mounts = {
  find(path: string): Mount | undefined;
  all: readonly Mount[];
};

/** @throws Error when a path is listed twice or written in a form that no request could have. */
export function createMounts(list: readonly Mount[]): Mounts {
  const exact = new Map<string, Mount>();
  const below = new Map<string, Mount>();
  for (const mount of list) {
    const isBelow = mount.path.endsWith('/*');
    const path = isBelow ? mount.path.slice(0, -2) : mount.path;
    const table = isBelow ? below : exact;
    if (!/^(\/|(\/[\w.~-]+)+)$/.test(path)) throw new Error(`the mount ${JSON.stringify(mount.path)} is no path`);
    if (table.has(path)) throw new Error(`the mount ${mount.path} is listed twice`);
    table.set(path, withHead(mount));
  }

  return {
    all: [...exact.values(), ...below.values()],
    find(path) {
      const found = exact.get(path);
      if (found) return found;
      for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
        const mount = below.get(path.slice(0, end));
        if (mount) return mount;
      }
      return undefined;
    },
  };
}

function withHead(mount: Mount): Mount {
  return mount.methods.includes('GET') && !mount.getActs ? { ...mount, methods: [...mount.methods, 'HEAD'] } : mount;
}
