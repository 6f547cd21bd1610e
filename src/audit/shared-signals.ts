/** Event types of OpenID Shared Signals that events of ours correspond to. A receiver knows each by its URI. */

const of = <Name extends string>(profile: 'caep' | 'risc', name: Name) =>
  `https://schemas.openid.net/secevent/${profile}/event-type/${name}` as const;

/** OpenID Continuous Access Evaluation Profile 1.0, §3. */
export const caep = {
  sessionRevoked: of('caep', 'session-revoked'),
  credentialChange: of('caep', 'credential-change'),
  sessionEstablished: of('caep', 'session-established'),
} as const;

/** OpenID RISC Profile 1.0, §2. */
export const risc = {
  accountCredentialChangeRequired: of('risc', 'account-credential-change-required'),
  accountPurged: of('risc', 'account-purged'),
  accountDisabled: of('risc', 'account-disabled'),
  accountEnabled: of('risc', 'account-enabled'),
  identifierChanged: of('risc', 'identifier-changed'),
  credentialCompromise: of('risc', 'credential-compromise'),
  recoveryActivated: of('risc', 'recovery-activated'),
  recoveryInformationChanged: of('risc', 'recovery-information-changed'),
} as const;

export type SharedSignal = (typeof caep)[keyof typeof caep] | (typeof risc)[keyof typeof risc];
