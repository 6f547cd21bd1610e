import { methods } from '#credentials/module.ts';
import type { EngineInteraction } from '#oidc/module.ts';
import type { Progress } from './progress.ts';
import { type RememberedAccount, rememberedAs } from './remembered-accounts.ts';

/**
 * The first page of a sign-in, by the accounts that the browser remembers. `account`: its first page is shown at once. `choice`: the browser has accounts, and the user
 * chooses. `none`: the address is asked for.
 */
export type Lead = { kind: 'account'; account: RememberedAccount } | { kind: 'choice' | 'none' };

const sentPages: ReadonlySet<string> = new Set(
  Object.values(methods).flatMap(({ first }) => (first?.isSent ? [first.page] : [])),
);
/** A page that sends a code: no request of a relying party may lead there, because every link to it would send a mail. */
export const sends = (page: string): boolean => sentPages.has(page);

/** Pure. `login_hint`, `prompt=select_account` and a named user of a request keep their meaning (OpenID Connect Core §3.1.2.1). */
export function leadOf(
  { prompt, params }: Pick<EngineInteraction, 'prompt' | 'params'>,
  { identifier, chosen }: Pick<Progress, 'identifier' | 'chosen'>,
  accounts: readonly RememberedAccount[],
): Lead {
  const [only, ...others] = accounts;
  if (only === undefined || identifier !== null || chosen === 'another') return { kind: 'none' };
  if (prompt.name === 'select_account') return { kind: 'choice' };
  const hint = hintOf(params);
  const hinted = rememberedAs(accounts, hint);
  // Another user than those who are remembered.
  if (hint !== '' && hinted === null) return { kind: 'none' };
  const account = hinted ?? (others.length === 0 && !namesUser(params) ? only : null);
  return account === null || sends(account.way) ? { kind: 'choice' } : { kind: 'account', account };
}

/** The email address in a `login_hint`; empty without one. */
export function hintOf({ login_hint: hint }: EngineInteraction['params']): string {
  return typeof hint === 'string' && hint.includes('@') ? hint.slice(0, 254) : '';
}

/** Whether a request names its user by a subject or a name of its own, which may be none of the accounts here. */
function namesUser({ id_token_hint: token, login_hint: name, claims }: EngineInteraction['params']): boolean {
  if (typeof token === 'string' || (typeof name === 'string' && name !== '')) return true;
  const parsed = (typeof claims === 'string' ? JSON.parse(claims) : {}) as {
    id_token?: { sub?: { value?: unknown } | null } | null;
  };
  return parsed.id_token?.sub?.value !== undefined;
}
