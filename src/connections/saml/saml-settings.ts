import type { PresetName } from './presets.ts';

export const samlBindings = ['redirect', 'post'] as const;
export type SamlBinding = (typeof samlBindings)[number];
export const nameIdFormatNames = ['persistent', 'email', 'transient', 'unspecified'] as const;
export const signatureDemands = ['assertion', 'response', 'both'] as const;

/** Members of `connection.settings` of a connection of SAML. */
export type SamlSettings = {
  /** The product with these names of attributes. */
  preset?: PresetName;
  /** The format that requests ask for; none is asked for by default. */
  nameIdFormat?: (typeof nameIdFormatNames)[number];
  /** The part that must be signed; the assertion by default. */
  requiredSignature?: (typeof signatureDemands)[number];
  /** Assertions encrypted with AES-CBC count where only the assertion in them is signed: nothing protects them on their way. */
  allowsCbc?: boolean;
  /** Answers that no request asked for lead to a page that begins a sign-in. */
  allowsUnsolicited?: boolean;
  /** The client whose application begins the sign-in after such an answer, by its `initiate_login_uri`; otherwise the account page does. */
  landingClient?: string;
  /** False: requests go out unsigned. */
  signsRequests?: boolean;
  requestBinding?: SamlBinding;
  /** Authentication contexts that prove a second factor, also in the `acr` of OpenID Connect; asked for where the relying party asks for one. */
  mfaContexts?: readonly string[];
};

/** The names here and on the wire. */
export const samlMembers = {
  preset: 'preset',
  name_id_format: 'nameIdFormat',
  required_signature: 'requiredSignature',
  allows_cbc: 'allowsCbc',
  allows_unsolicited: 'allowsUnsolicited',
  landing_client_id: 'landingClient',
  signs_requests: 'signsRequests',
  request_binding: 'requestBinding',
  mfa_contexts: 'mfaContexts',
} as const satisfies Record<string, keyof SamlSettings>;
