/**
 * The way in. The issuer may have a path, and every address of the product is below it; a proxy passes it on unchanged. Here, once
 * for a request, it is taken off, so that routes, limits and links know the paths of the product alone. The way out is the
 * templates (`kernel/views/templates.ts`), `Location` (`edge.ts`) and whole URLs, which begin with the issuer.
 */
import { basePathOf, type OwnAddress, ownUrls } from '../issuer.ts';
import type { Mount } from './mounts.ts';

/** The target in the form that routes know; or it is not below the issuer, or it is of another host. */
export type OwnTarget = { place: 'own'; target: string } | { place: 'outside' | 'elsewhere' };

/** Reads request targets (RFC 9112 §3.2), `/id/account?x` as `/account?x` for an issuer with the path `/id`. */
export function createOwnTargets(address: OwnAddress, mounts: readonly Mount[]): (target: string) => OwnTarget {
  const basePath = basePathOf(address.issuerUrl);
  const origins = ownUrls({ ...address, issuerUrl: new URL(address.issuerUrl.origin) }, '');
  const ofHost = new Map<string, string>();
  for (const { path, wellKnown } of mounts)
    if (wellKnown !== undefined) ofHost.set(wellKnown === 'before-path' ? `${path}${basePath}` : path, path);

  return (target) => {
    // The absolute form (RFC 9112 §3.2.2), as a proxy may write it.
    const origin = target.startsWith('/') ? '' : origins.find((each) => target.startsWith(`${each}/`));
    if (origin === undefined) return { place: 'elsewhere' };
    const plain = target.slice(origin.length);
    if (basePath === '' || plain.startsWith(`${basePath}/`)) return own(plain.slice(basePath.length));
    const end = plain.indexOf('?');
    const [path, query] = end < 0 ? [plain, ''] : [plain.slice(0, end), plain.slice(end)];
    if (path === basePath) return own(`/${query}`);
    const known = ofHost.get(path);
    return known === undefined ? { place: 'outside' } : own(`${known}${query}`);
  };
}

const own = (target: string): OwnTarget => ({ place: 'own', target });
