import type { Finding } from '#doctor/finding.ts';
import { FAR_ABOVE } from './limits.ts';
import { type PolicyInForce, sections } from './policies.ts';

type Loosened = { name: string; isUnsafe(policy: PolicyInForce): boolean; reason: string };

/** Settings that are less safe than their default, each with the reason. A setting for certification or old clients is among them. */
const loosened: readonly Loosened[] = [
  {
    name: 'oidc.pkce',
    isUnsafe: ({ oidc }) => oidc.pkce === 'public',
    reason: 'codes of confidential clients are not bound to the request (PKCE), so a stolen code may be used',
  },
  {
    name: 'oidc.responseTypes',
    isUnsafe: ({ oidc }) => oidc.responseTypes === 'all',
    reason: 'implicit and hybrid responses put tokens into addresses, histories and logs',
  },
  {
    name: 'oidc.registration',
    isUnsafe: ({ oidc }) => oidc.registration === 'open',
    reason: 'any software may register itself and show its name on the page of consent',
  },
  {
    name: 'oidc.registeredLogos',
    isUnsafe: ({ oidc }) => oidc.registeredLogos,
    reason: 'software that registered itself may show the logo of another company',
  },
  {
    name: 'oidc.keyPublicationSeconds',
    isUnsafe: ({ oidc }) => oidc.keyPublicationSeconds === 0,
    reason: 'a new key signs before relying parties know it, so they refuse its tokens',
  },
  {
    name: 'oidc.refreshGraceSeconds',
    isUnsafe: ({ oidc }) => oidc.refreshGraceSeconds > 10,
    reason: 'a copied refresh token answers for longer before it is noticed',
  },
  {
    name: 'mfa.enforcement',
    isUnsafe: ({ mfa }) => mfa.enforcement === 'off',
    reason: 'no sign-in asks for a second factor, also of administrators',
  },
  {
    name: 'mfa.smsCodes',
    isUnsafe: ({ mfa }) => mfa.smsCodes,
    reason: 'a text message reaches who takes over the phone number',
  },
  {
    name: 'signIn.methods',
    isUnsafe: ({ signIn }) => signIn.methods.includes('smsCode'),
    reason: 'a code by text message alone signs in who takes over the phone number',
  },
  {
    name: 'password.breachCheck',
    isUnsafe: ({ password }) => !password.breachCheck,
    reason: 'passwords from known breaches are accepted, and attackers try those first',
  },
  {
    name: 'password.minimumScore',
    isUnsafe: ({ password }) => password.minimumScore < sections.password.parse({}).minimumScore,
    reason: 'passwords that are guessed fast are accepted',
  },
  {
    name: 'verification.email',
    isUnsafe: ({ verification }) => verification.email === 'optional',
    reason: 'a user may sign in with the email address of another',
  },
  {
    name: 'risk.proofOfWork',
    isUnsafe: ({ risk }) => risk.proofOfWork === 'off',
    reason: 'attackers guess passwords from many addresses at no cost',
  },
];

/** Settings of the instance that are less safe than their default, for the doctor. */
export function unsafeSettings(policy: PolicyInForce): Finding[] {
  const found = [
    ...loosened.filter(({ isUnsafe }) => isUnsafe(policy)).map(({ name, reason }) => ({ name, reason })),
    ...raisedLimits(policy),
  ];
  if (found.length === 0) return [{ name: 'settings', status: 'ok', message: 'None is less safe than its default.' }];
  return found.map(({ name, reason }) => ({
    name: 'settings',
    status: 'warning',
    message: `${name} is ${valueOf(policy, name)}: ${reason}.`,
    next: `Unless you need it: settings reset ${name}`,
  }));
}

function raisedLimits({ limits }: PolicyInForce): { name: string; reason: string }[] {
  const defaults: Readonly<Record<string, number>> = sections.limits.parse({});
  return Object.entries(limits)
    .filter(([member, value]) => value > (defaults[member] ?? value) * FAR_ABOVE)
    .map(([member]) => ({
      name: `limits.${member}`,
      reason: `the default is ${defaults[member]}, and the limit hardly slows an attack`,
    }));
}

function valueOf(policy: PolicyInForce, name: string): string {
  const [section = '', member = ''] = name.split('.');
  const members: Readonly<Record<string, unknown>> = policy[section as keyof PolicyInForce];
  return JSON.stringify(members[member]);
}
