import { errors, interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import { ownMember } from '#applications/clients/module.ts';
import { askedLevel, isUnreachable, levelOf, requestedAcr } from './levels.ts';
import { DEVICE_SESSION_AGE } from './limits.ts';
import type { FindConsent } from './authority/authority.ts';
import { organizationChecks, organizationConsent, organizationPrompt } from './organizations/organization-prompt.ts';
import type { OrganizationRequests } from './organizations/organization-requests.ts';

const { Check, Prompt } = interactionPolicy;
type Checks = interactionPolicy.Prompt['checks'];

/** The reason for a sign-in despite a session: the session is not strong enough. */
export const LEVEL_REASONS = { essential: 'essential_level', client: 'client_level', wished: 'wished_level' } as const;

/** The engine's prompts `login` and `consent`, and ours: choosing an account, and creating one, before them, an organization in between. */
export function policy(organizations: OrganizationRequests, findConsent: FindConsent): interactionPolicy.DefaultPolicy {
  const prompts = interactionPolicy.base();
  const login = prompts.get('login')?.checks;
  const consent = prompts.get('consent')?.checks;
  if (!login || !consent) throw new Error('the engine has no prompts login and consent');
  askForSomebodyElse(login);
  refuseTheWrongPerson(login);
  askForLevels(login);
  askAgainForDevices(login);
  for (const check of organizationChecks(organizations)) login.add(check);
  spareClaimedAddresses(consent);
  askForOrganizations(prompts.get('consent')!, organizations, findConsent);
  prompts.add(organizationPrompt(organizations), 1);
  prompts.add(new Prompt({ name: 'select_account', requestable: true }), 0);
  // Initiating User Registration via OpenID Connect 1.0 §4: `prompt=create`.
  prompts.add(new Prompt({ name: 'create', requestable: true }), 0);
  return prompts;
}

/** A session outlives its user after a disabling or deletion: it then has no user. */
function askForSomebodyElse(checks: Checks): void {
  checks.add(
    new Check(
      'no_account',
      'End-User authentication is required',
      'login_required',
      ({ oidc }) => oidc.session?.accountId !== undefined && !oidc.account,
    ),
  );
}

/**
 * OpenID Connect Core §3.1.2.1 and §5.5.1: when the request names a user, another user's sign-in does not satisfy it.
 * The engine would ask again for ever; the user has chosen another account on purpose, and the relying party must know.
 */
function refuseTheWrongPerson(checks: Checks): void {
  const hint = require(checks, 'id_token_hint');
  const asks = hint.check;
  hint.check = async (ctx) => {
    await rememberHint(ctx);
    return asks(ctx);
  };
  for (const reason of ['id_token_hint', 'claims_id_token_sub_value'])
    instead(checks, reason, (ctx) => {
      if (ctx.oidc.result?.login) throw new errors.LoginRequired('another person signed in than the request names');
    });
}

/** The engine reads the hint when a request comes, and has forgotten it when the user has answered. */
async function rememberHint({ oidc }: KoaContextWithOIDC): Promise<void> {
  const hint = oidc.params?.['id_token_hint'];
  if (typeof hint !== 'string' || oidc.entities.IdTokenHint !== undefined || !oidc.client) return;
  oidc.entity('IdTokenHint', await oidc.provider.IdToken.validate(hint, oidc.client));
}

/**
 * OpenID Connect Core §5.5.1.1: an essential `acr` that cannot be reached, or was not, is a failed sign-in. A higher level
 * than asked for is enough. `acr_values` alone is a wish: it is asked for where the user can be asked, and then let go.
 */
function askForLevels(checks: Checks): void {
  checks.remove('essential_acrs');
  checks.remove('essential_acr');
  const check = (reason: string, needs: (ctx: KoaContextWithOIDC) => boolean) =>
    checks.add(new Check(reason, 'a stronger End-User authentication is required', 'login_required', needs));
  check(LEVEL_REASONS.essential, (ctx) => {
    const request = acrRequest(ctx);
    const asked = askedLevel(request);
    if (request?.values !== undefined && !Array.isArray(request.values))
      throw new errors.InvalidRequest('invalid claims.id_token.acr.values type');
    if (isUnreachable(request)) throw levelUnmet();
    return asked?.essential === true && mustRise(ctx, asked.level);
  });
  check(LEVEL_REASONS.client, (ctx) => {
    const minimum = levelOf(ownMember(ctx.oidc.client, 'minimum_acr'));
    return minimum !== null && mustRise(ctx, minimum);
  });
  check(LEVEL_REASONS.wished, (ctx) => {
    const asked = askedLevel(acrRequest(ctx));
    if (asked === null || asked.essential || ctx.oidc.prompts.has('none')) return false;
    return !ctx.oidc.result?.login && !ctx.oidc.result?.['level'] && levelOfSession(ctx) < asked.level;
  });
}

/** Whether the user must be asked for more; throws when they have just been, and gave less. */
function mustRise(ctx: KoaContextWithOIDC, level: number): boolean {
  if (levelOfSession(ctx) >= level) return false;
  if (ctx.oidc.result?.login) throw levelUnmet();
  return true;
}

const levelUnmet = () =>
  new errors.UnmetAuthenticationRequirements('the requested authentication level cannot be reached');

const acrRequest = ({ oidc }: KoaContextWithOIDC) => requestedAcr(oidc.params ?? {});

/** 0 without a session. */
function levelOfSession({ oidc }: KoaContextWithOIDC): number {
  return oidc.session?.accountId === undefined ? 0 : (levelOf(oidc.session['acr']) ?? 0);
}

/**
 * RFC 8628 §5.4: a user who is persuaded to enter a code gives away the account, so the password is required unless it
 * was entered a moment ago.
 */
function askAgainForDevices(checks: Checks): void {
  checks.add(
    new Check(
      'device_session_age',
      'End-User authentication is too old to connect a device',
      'login_required',
      (ctx) => {
        const { deviceCode, session, result } = ctx.oidc as unknown as {
          deviceCode?: unknown;
          session: { past(age: number): boolean };
          result?: { login?: unknown };
        };
        return deviceCode !== undefined && session.past(DEVICE_SESSION_AGE) && !result?.login;
      },
    ),
  );
}

/** RFC 8252 §8.6: an app that has proved to hold an https address cannot be another one, so it may go on unasked. */
function spareClaimedAddresses(checks: Checks): void {
  const check = require(checks, 'native_client_prompt');
  const asks = check.check;
  check.check = async (ctx) => !String(ctx.oidc.params?.['redirect_uri']).startsWith('https://') && asks(ctx);
}

/** A client is told about an organization after the user allowed it. The page names the organization whatever else it asks. */
function askForOrganizations(
  consent: interactionPolicy.Prompt,
  organizations: OrganizationRequests,
  findConsent: FindConsent,
): void {
  consent.checks.add(organizationConsent(organizations, findConsent));
  consent.details = async (ctx) => organizations.named(ctx);
}

/** Runs `refuse`, which may throw, where the check would have asked the user. */
function instead(checks: Checks, reason: string, refuse: (ctx: KoaContextWithOIDC) => void): void {
  const check = require(checks, reason);
  const asks = check.check;
  check.check = async (ctx) => {
    const mustAsk = await asks(ctx);
    if (mustAsk) refuse(ctx);
    return mustAsk;
  };
}

function require(checks: Checks, reason: string): interactionPolicy.Check {
  const check = checks.get(reason);
  if (!check) throw new Error(`the engine has no check ${reason}`);
  return check;
}
