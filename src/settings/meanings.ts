/** The meaning of each setting, for documents, commands and pages. */
import type { Section, sections } from './policies.ts';

/** By section and member, in whole sentences. */
export const meanings: { readonly [S in Section]: { readonly [M in keyof (typeof sections)[S]['shape']]: string } } = {
  branding: {
    name: 'Name of the instance on its pages and in its mails.',
    color: 'Color of buttons, links and the focus, such as #0a3fb5.',
    accent: 'Color of the bolt on the line; without it the bolt has the color of the rest.',
    radius: 'Corners of fields, buttons and sheets.',
    font: 'Font of the pages. `system`: the font of each device, nothing is fetched.',
    background: 'Background of the sheet. `tint`: with a breath of the color.',
    wordmark: 'Whether the logo contains the name, so that the page need not repeat it.',
    privacyUrl: 'Address of the privacy policy.',
    termsUrl: 'Address of the terms.',
    helpUrl: 'Address of help for users: a page or a mailbox (mailto:).',
  },
  password: {
    minimumLength:
      'Minimum length: by default 15, and 8 if `mfa` requires a second factor of every user at once (NIST SP 800-63B-4 §3.1.1.2).',
    minimumScore: 'How hard to guess a password must be, on the scale of zxcvbn from 0 to 4.',
    blockedWords: 'Words that make no password, such as the names of the house and its products.',
    breachCheck: 'Whether new passwords are compared with known breaches.',
    breachUrl:
      "Address of the range API of Have I Been Pwned, or of a mirror. The first five digits of the password's SHA-1 are appended.",
    history: 'Last passwords of a user that cannot be set again, the present one counted; 0 for none.',
  },
  signIn: {
    methods:
      'Ways to begin a sign-in, the first one offered first. A link and a code by email come in one mail; `federation` is sign-in by upstream providers. Users without any cannot sign in.',
    rememberAccounts:
      'Whether a browser remembers the accounts of sign-ins that were to be kept ("Keep me signed in"), and shows them at the next sign-in, and for which it made passkeys. `false` also makes what browsers remember already useless.',
  },
  mfa: {
    enforcement:
      'Users who need a second factor to sign in. `off`: none. `optional`: users who added one. `required`: all users. `administrators`: users with an administrative permission, and users who added one.',
    factors: 'Second factors that users can add, in the order of the offer.',
    emailCodes:
      'A code sent by email counts as a second factor for users without another, unless email was the first. It is the weakest: an attacker who reads the mail can set a new password too.',
    smsCodes: 'A code sent as a text message counts as a second factor. Numbers can be taken over.',
    graceDays: 'Days for which a user may postpone a required second factor, from the first request.',
    trustDays:
      'Days for which a user may trust a browser with the first factor alone; 0 for never. Administrators never may.',
    totpWindow: 'Steps of 30 seconds that a code of an authenticator app may be early or late.',
  },
  passkeys: {
    enabled: 'Whether users may enrol passkeys and security keys, and use those that they have.',
    offer: 'Whether a sign-in by password offers a passkey to users without one.',
    secondFactorVerification:
      'Whether a passkey that follows a password must ask for a fingerprint, a face or a PIN. One that signs in alone always must.',
    residentKey: 'Whether the authenticator remembers whose passkey it is, so that no address need be typed.',
    attachment: '`platform`: the device itself. `cross-platform`: security keys and phones.',
    attestation: '`direct`: new authenticators must prove their model by a certificate of their maker.',
    allowedAuthenticators:
      'Models (AAGUID) that may be enrolled and used; empty for all. Nothing but an attestation proves the model.',
    attestationRoots: 'Certificates (PEM) of the makers whose attestations count; empty for all.',
    maximumPerPerson: 'Passkeys and security keys that one user may have at most.',
    rpId: "The name that passkeys are made for, by default the issuer's host. Another one makes every existing passkey useless.",
    relatedOrigins: 'Other origins that may use our passkeys (WebAuthn 3 §5.11), published at `/.well-known/webauthn`.',
  },
  sms: {
    countries:
      'Beginnings of the phone numbers that text messages go to, without the plus: calling codes mostly. Empty for nowhere.',
    exceptions: 'Beginnings within them that they do not go to, such as 1876 within 1.',
    perDay: 'Text messages that are sent in a day (UTC) at most: each costs money.',
    perAddressHour: 'Text messages that one address (IPv6: /64) causes in an hour at most.',
  },
  verification: {
    email:
      'Users who must verify an unverified email address before a sign-in completes. `imported`: users from a file or from another system with an unverified address. `required`: all users, also users that the operator created. `optional`: none.',
  },
  users: {
    username:
      'Whether users have usernames, with which they can sign in as with an email address. `off`: no. `optional`: users who want one. `required`: every user; a user without one is asked at the next sign-in.',
    email:
      'Whether visitors need an email address to register. `required`: all. `optional`: where usernames are required and the mode is open, visitors may register with a username and a password alone. Operators add users without an address where usernames are on.',
    reservedUsernames: 'Usernames that no user may choose, in addition to names of roles and services.',
  },
  registration: {
    mode: 'Users who may create an account. `open`: all. `domains`: users with an address in `domains`. `waitlist`: users who were invited; others may join the waitlist. `invitation`: invited users. `closed`: none. An invitation is valid in all modes but the last.',
    domains: 'The part after the @, for the mode `domains`.',
    methods: 'Credentials that a new user may choose for later sign-ins, in the order of the offer.',
    fields: 'Claims that are asked for when an account is created, in addition to those that `profile.required` names.',
    termsVersion:
      'The version of the terms that users must accept. After a change every user is asked at the next sign-in.',
  },
  profile: {
    required:
      'Claims that every user must have. A user without one, for example after an import, is asked at the next sign-in.',
    fields:
      'Claims that users may enter on their profile page, in addition to those that `profile.required` names. Custom properties are there as well.',
    nameFallback:
      'Claims `name` and `preferred_username` of users without one. `localPart`: the part of the email address before the @, for clients that may see the address. `id`: the subject, as the client sees it. `none`: no claim.',
    properties: 'Custom properties of users beyond the claims of OpenID Connect, in the order of the form.',
  },
  account: {
    deletionDays:
      "Days between a user's wish to close their account and its end, in which signing in keeps it; 0 for none.",
  },
  organizations: {
    creation:
      'Users who may create an organization, which they then own. `off`: none, only operators and programs. `permitted`: users with this right (`latchkey user allow-organizations`). `anyone`: all.',
    createdPerUser: 'Organizations that one user may have created at most, closed ones not counted.',
    closingDays:
      'Days between the wish to close an organization and its end, in which an owner may call it off; 0 for none.',
  },
  api: {
    explorer:
      'The explorer of the management API at `/api/docs`, with its built-in client `latchkey-api-docs`. `off`: neither exists.',
  },
  session: {
    idleSeconds: 'Seconds without a request after which a session ends.',
    absoluteSeconds: 'Seconds after which a session ends, unless the user asked to stay signed in.',
    rememberSeconds: 'Seconds after which a session ends whose user asked to stay signed in.',
  },
  networks: {
    allowed: 'Networks (CIDR) and addresses from which users may sign in; all where none are given.',
  },
  limits: {
    passwordFreeFailures: 'Wrong passwords of one account before each further try must wait.',
    passwordMaximumFailures: 'Wrong passwords in a row after which the password is refused until it is reset.',
    passwordFailuresPerAddress: 'Wrong passwords from one address (IPv6: /64) in five minutes, over all accounts.',
    secondFactorFreeFailures:
      'Wrong codes of the second factors of one account before each further try must wait, 15 minutes at first.',
    clientFailuresPerAddress: 'Wrong secrets or assertions of one client from one address in five minutes.',
    userCodeFailures: 'Wrong device codes of one user or address in ten minutes.',
    accountsPerAddress:
      'Accounts begun, codes asked for again and names put on the waitlist from one address (IPv6: /64) in an hour.',
    registrationsPerAddress:
      'Clients registered from one IP address (IPv6: /64) in an hour, with open registration (`oidc.registration` is `open`).',
    apiCallsPerMinute: 'Calls of the management API by one client, for one user or for itself, in a minute.',
    refusedTokensPerAddress:
      'Access tokens from one address (IPv6: /64) that the management API refuses in a minute before it looks at no more of them.',
  },
  migration: {
    verifyUrl: 'Address at which the old system checks passwords of unknown email addresses (docs/migrating.md).',
    verifySeconds: 'How long its answer may take.',
  },
  risk: {
    proofOfWork: '`pressure`: browsers solve a proof of work during an attack.',
    failuresPerAddress:
      'Failures from one address (IPv6: /64) in 15 minutes after which a proof of work is asked for there. Without it two and a half times what `limits.passwordFailuresPerAddress` lets through in five.',
    failuresPerAccount: 'Failures against one account in an hour that are the signal `many_failures`.',
    failuresPerMinute:
      'Failures on the whole instance in a minute after which every browser must solve a proof of work.',
    journeyKmPerHour:
      'Two sign-ins whose places lie farther apart than this speed reaches are the signal `impossible_journey`.',
    rules: 'The actions when all signals of a rule are present.',
  },
  oidc: {
    pkce: '`all`: PKCE of every client. `public`: of public clients alone (OIDC Basic certification, old confidential clients).',
    responseTypes: '`all` adds the implicit and hybrid response types.',
    registration: 'Dynamic client registration (RFC 7591).',
    registrationScopes: 'Scopes that software may have which registers itself.',
    registrationGrants: 'Grant types that software may have which registers itself.',
    registrationMembers:
      "Members of Latchkey's own (docs/clients.md) that software may set when it registers. The operator alone sets the others.",
    registeredLogos:
      'Whether pages show the logos of clients that registered themselves: no operator has checked whose logo such a picture is.',
    nativeSchemes:
      'Schemes without a dot that redirect URIs of native clients may have, such as `cursor`; names with a dot always may.',
    accessTokenSeconds: 'Lifetime of access tokens for userinfo.',
    idTokenSeconds: 'Lifetime of ID tokens.',
    refreshIdleSeconds: 'Seconds without use after which a refresh token ends.',
    refreshAbsoluteSeconds: 'Seconds after its sign-in at which a refresh token ends.',
    refreshGraceSeconds:
      'Seconds in which a refresh token that was just used answers with the same successor, unless that was used; 0 for never. Requests at the same time and requests whose answer was lost end nothing then.',
    keyPublicationSeconds:
      'How long a new key is published before it signs, in seconds; 0 for certification of rotation.',
    keyRotationDays: 'Days after which a signing key is replaced.',
    keyRsaBits: 'Size of new RSA keys. 2048 signs about eight times as fast as 4096.',
  },
};
