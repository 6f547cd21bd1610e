import { beginsWith, firstFactors, type FirstPage, methods, type PasskeyService } from '#credentials/module.ts';
import type { Texts } from '#kernel/sms/texts.ts';
import { instance, type Policies, type Policy } from '#settings/module.ts';

/** How a sign-in can begin; each is a page below /interaction/:uid/ of the step that owns it. */
export type Way = FirstPage;

/**
 * The ways that policy opens to everybody, the first one at the front; never of one user, which would tell who has an
 * account. Those that this instance cannot go are left out. Where none is left users are asked for a password.
 */
function openWays(opened: Policy<'signIn'>['methods'], closed: ReadonlySet<Way>): readonly [Way, ...Way[]] {
  const [first = methods.password.first.page, ...others] = new Set(
    opened
      .flatMap((setting) => firstFactors.filter((factor) => beginsWith(factor, [setting])))
      .map((factor): Way => methods[factor].first.page)
      .filter((way) => !closed.has(way)),
  );
  return [first, ...others];
}

type Dependencies = {
  policies: Policies<'signIn'>;
  passkeys: Pick<PasskeyService, 'relyingParty'>;
  texts: Pick<Texts, 'isOn'>;
};

/** How a sign-in can begin here and now. */
export class Ways {
  readonly #deps: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#deps = dependencies;
  }

  /** The first one at the front. */
  get open(): readonly [Way, ...Way[]] {
    return this.openFor(null, []);
  }

  /** Those for a sign-in, before its user is known; null for one that is not known here. */
  openIn(asked: { question: { organization: string | null }; providers: readonly unknown[] } | null) {
    return this.openFor(asked?.question.organization ?? null, asked?.providers ?? []);
  }

  /** Those for a sign-in that is for this organization, before its user is known. `providers`: the upstream providers that it offers. */
  openFor(organization: string | null, providers: readonly unknown[]): readonly [Way, ...Way[]] {
    const { methods: opened } = this.#deps.policies.for(organization === null ? instance : { organization }).signIn;
    return openWays(opened, this.#closed(providers));
  }

  /** Those that a policy leaves to a user who is known: maybe none. */
  leftBy(opened: Policy<'signIn'>['methods'], providers: readonly unknown[]): readonly Way[] {
    return opened.length === 0 ? [] : openWays(opened, this.#closed(providers));
  }

  #closed(providers: readonly unknown[]): ReadonlySet<Way> {
    const { passkeys, texts } = this.#deps;
    const closed = new Set<Way>();
    if (passkeys.relyingParty === null) closed.add(methods.passkey.first.page);
    if (!texts.isOn()) closed.add(methods.sms.first.page);
    if (providers.length === 0) closed.add(methods.federation.first.page);
    return closed;
  }

  /** The same for every user: the method reveals nothing about an account. */
  isOpen(way: Way): boolean {
    // Whether there are providers, a sign-in asks.
    return this.openFor(null, [way]).includes(way);
  }
}
