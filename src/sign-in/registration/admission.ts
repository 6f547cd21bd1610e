import { beginsWith, type FirstFactor, firstFactors, methods } from '#credentials/module.ts';
import { instance, type Policies, type PolicyInForce, type PolicySubject } from '#settings/module.ts';
import { claimField, type PersonField, propertyField, type UserId, usernameField } from '#directory/users/module.ts';
import type { InvitationService } from './invitation-service.ts';
import type { Method } from './pending-registration.ts';

/** An invitation that this browser was handed, and that still works. */
type Held = { link: string; email: string };

/** The admission result for a visitor who wants an account. */
export type Admitted =
  | { kind: 'form'; invitation: Held | null; domains: readonly string[] | null }
  | { kind: 'waitlist' }
  | { kind: 'invitation' }
  | { kind: 'closed' };

type AdmissionDependencies = {
  policies: Policies<'registration' | 'profile' | 'signIn' | 'users'>;
  invitations: Pick<InvitationService, 'find'>;
  /** Null where there are no passkeys. */
  passkeys: { readonly relyingParty: unknown };
};

/** The first factor that a user chooses by each of these. */
const factorOf = new Map<Method, FirstFactor>(
  firstFactors.flatMap((factor) => {
    const { registration } = methods[factor];
    return registration === null ? [] : [[registration, factor] as const];
  }),
);

/** Rules of registration: users who may register, the methods, and the fields. */
export class Admission {
  readonly #deps: AdmissionDependencies;

  constructor(dependencies: AdmissionDependencies) {
    this.#deps = dependencies;
  }

  async decide(link: string | undefined): Promise<Admitted> {
    const { mode, domains } = this.#deps.policies.for(instance).registration;
    if (mode === 'closed') return { kind: 'closed' };
    const invitation = link === undefined ? null : await this.#deps.invitations.find(link);
    if (invitation !== null) return { kind: 'form', invitation: { ...invitation, link: link ?? '' }, domains: null };
    if (mode === 'waitlist' || mode === 'invitation') return { kind: mode };
    return { kind: 'form', invitation: null, domains: mode === 'domains' ? domains : null };
  }

  /** Whether a page should lead to the form. */
  isOffered(link: string | undefined): boolean {
    const { mode } = this.#deps.policies.for(instance).registration;
    return mode === 'invitation' ? link !== undefined : mode !== 'closed';
  }

  /** In the order of the offer. A method that cannot begin a sign-in is left out. */
  methods(): readonly [Method, ...Method[]] {
    const canSignIn = (method: Method) => this.#canSignIn(method);
    const [first, ...others] = this.#deps.policies.for(instance).registration.methods.filter(canSignIn);
    return first === undefined
      ? [[...factorOf.keys()].find(canSignIn) ?? methods.password.registration]
      : [first, ...others];
  }

  /** Whether visitors may also register with a username and a password, and without an email address. */
  get takesUsernames(): boolean {
    const { registration, users } = this.#deps.policies.for(instance);
    const isOffered = users.username === 'required' && users.email === 'optional' && registration.mode === 'open';
    return isOffered && this.methods().includes('password');
  }

  /** The fields of the registration form. */
  fields(): readonly PersonField[] {
    const { registration, profile } = this.#deps.policies.for(instance);
    const claims = [...new Set([...registration.fields, ...profile.required])];
    return [
      ...claims.map(claimField),
      ...profile.properties
        .filter((property) => property.editable === 'user' && (property.registration || property.required))
        .map(propertyField),
    ];
  }

  requiredOf(user: UserId): readonly PersonField[] {
    return requiredFields(this.#deps.policies.for({ user }));
  }

  #canSignIn(method: Method): boolean {
    const { methods: opened } = this.#deps.policies.for(instance).signIn;
    const factor = factorOf.get(method);
    if (factor === undefined || !beginsWith(factor, opened)) return false;
    return methods[factor].channel !== 'key' || this.#deps.passkeys.relyingParty !== null;
  }

  /** Null where there are no terms to agree to. */
  termsVersion(subject: PolicySubject): string | null {
    return this.#deps.policies.for(subject).registration.termsVersion ?? null;
  }
}

/** Required fields that users can fill in themselves. */
export function requiredFields({
  users: { username },
  profile: { required, properties },
}: Pick<PolicyInForce, 'users' | 'profile'>): readonly PersonField[] {
  return [
    ...(username === 'required' ? [usernameField] : []),
    ...required.map(claimField),
    ...properties.filter((property) => property.editable === 'user' && property.required).map(propertyField),
  ];
}
