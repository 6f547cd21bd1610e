/** Answers of providers in the form that their documentation describes. */

/** Where the documentation shows the answer or names its members, and when a copy of that page was read. Some values are of the tests. */
type Source = { url: string; read: string };

export type Sample = {
  provider: string;
  source: Source;
  issuer: string;
  claims: Record<string, unknown>;
  profile: Record<string, unknown>;
};

export const idTokens: readonly Sample[] = [
  {
    provider: 'google',
    source: {
      url: 'https://cloud.google.com/nodejs/docs/reference/google-auth-library/latest/google-auth-library/tokenpayload',
      read: '2026-11-30',
    },
    issuer: 'https://accounts.google.com',
    claims: {
      azp: 'latchkey',
      sub: '110169484474386276334',
      hd: 'example.com',
      email: 'jsmith@example.com',
      email_verified: true,
      name: 'John Smith',
      given_name: 'John',
      family_name: 'Smith',
    },
    profile: {
      subject: '110169484474386276334',
      email: { address: 'jsmith@example.com', isTrusted: true },
      name: 'John Smith',
      givenName: 'John',
      familyName: 'Smith',
    },
  },
  {
    provider: 'microsoft',
    source: {
      url: 'https://learn.microsoft.com/en-us/entra/identity-platform/id-token-claims-reference',
      read: '2026-11-30',
    },
    issuer: 'https://login.microsoftonline.com/9122040d-6c67-4c5b-b112-36a304b66dad/v2.0',
    claims: {
      ver: '2.0',
      sub: 'AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ',
      tid: '9122040d-6c67-4c5b-b112-36a304b66dad',
      name: 'Abe Lincoln',
      preferred_username: 'AbeLi@microsoft.com',
      email: 'abeli@microsoft.com',
      oid: '00000000-0000-0000-66f3-3332eca7ea81',
    },
    profile: {
      subject: 'AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ',
      email: { address: 'abeli@microsoft.com', isTrusted: false },
      preferredUsername: 'AbeLi@microsoft.com',
    },
  },
  {
    provider: 'apple',
    source: {
      url: 'https://developer.apple.com/documentation/signinwithapplejs/authorizationi/id_token',
      read: '2026-11-30',
    },
    issuer: 'https://appleid.apple.com',
    claims: {
      sub: '001234.5b3a3bdf9c0b4f049c1471cae1cd1d8d.0001',
      email: 'dpdcnf87nu@privaterelay.appleid.com',
      email_verified: 'true',
      is_private_email: 'true',
      nonce_supported: true,
    },
    profile: {
      subject: '001234.5b3a3bdf9c0b4f049c1471cae1cd1d8d.0001',
      email: { address: 'dpdcnf87nu@privaterelay.appleid.com', isTrusted: true },
      name: null,
    },
  },
  {
    provider: 'gitlab',
    source: {
      url: 'https://docs.gitlab.com/integration/openid_connect_provider/#shared-information',
      read: '2026-11-30',
    },
    issuer: 'https://gitlab.com',
    claims: {
      sub: '4711',
      auth_time: 1_753_000_000,
      name: 'Sidney Jones',
      nickname: 'sidney',
      preferred_username: 'sidney',
      email: 'sidney@example.com',
      email_verified: true,
      groups_direct: ['engineering'],
    },
    profile: {
      subject: '4711',
      email: { address: 'sidney@example.com', isTrusted: true },
      preferredUsername: 'sidney',
      authenticatedAt: new Date(1_753_000_000_000),
    },
  },
  {
    provider: 'slack',
    source: { url: 'https://docs.slack.dev/reference/methods/openid.connect.token', read: '2026-11-30' },
    issuer: 'https://slack.com',
    claims: {
      sub: 'U0R7MFMJM',
      auth_time: 1_626_874_655,
      'https://slack.com/team_id': 'T0RR',
      'https://slack.com/user_id': 'U0JM',
      email: 'bront@slack-corp.com',
      email_verified: true,
      date_email_verified: 1_622_128_723,
      locale: 'en-US',
      name: 'brent',
      given_name: '',
      family_name: '',
      'https://slack.com/team_image_default': true,
    },
    profile: {
      subject: 'U0R7MFMJM',
      email: { address: 'bront@slack-corp.com', isTrusted: true },
      name: 'brent',
      givenName: null,
      locale: 'en-US',
    },
  },
];

export const apiAnswers = [
  {
    provider: 'github',
    source: { url: 'https://docs.github.com/en/rest/users/users', read: '2026-11-30' },
    issuer: 'https://github.com',
    tokenEndpoint: 'https://github.com/login/oauth/access_token',
    tokens: { scope: 'read:user,user:email', token_type: 'bearer' },
    answers: {
      'https://api.github.com/user': {
        login: 'octocat',
        id: 583_231,
        node_id: 'MDQ6VXNlcjE=',
        name: 'monalisa octocat',
        email: 'octocat@github.com',
      },
      'https://api.github.com/user/emails': [
        { email: 'old@octocat.example', verified: true, primary: false, visibility: null },
        { email: 'monalisa@octocat.example', verified: true, primary: true, visibility: 'private' },
      ],
    },
    profile: {
      subject: '583231',
      email: { address: 'monalisa@octocat.example', isTrusted: true },
      name: 'monalisa octocat',
      preferredUsername: 'octocat',
    },
  },
  {
    provider: 'facebook',
    source: { url: 'https://developers.facebook.com/docs/graph-api/reference/user/', read: '2026-11-30' },
    issuer: 'https://www.facebook.com',
    tokenEndpoint: 'https://graph.facebook.com/v25.0/oauth/access_token',
    tokens: { token_type: 'bearer', expires_in: 5_183_944 },
    answers: {
      'https://graph.facebook.com/v25.0/me': {
        id: '10154321987654321',
        name: 'Nina Fernway',
        first_name: 'Nina',
        last_name: 'Fernway',
        email: 'nina@fernway.example',
      },
    },
    profile: {
      subject: '10154321987654321',
      email: { address: 'nina@fernway.example', isTrusted: false },
      givenName: 'Nina',
    },
  },
  {
    provider: 'x',
    source: { url: 'https://docs.x.com/x-api/users/user-lookup-me', read: '2026-11-30' },
    issuer: 'https://x.com',
    tokenEndpoint: 'https://api.x.com/2/oauth2/token',
    tokens: { token_type: 'bearer', expires_in: 7200, scope: 'users.email users.read tweet.read' },
    answers: {
      'https://api.x.com/2/users/me': {
        data: {
          id: '2244994945',
          name: 'X Dev',
          username: 'TwitterDev',
          confirmed_email: 'dev@x.example',
        },
      },
    },
    profile: {
      subject: '2244994945',
      email: { address: 'dev@x.example', isTrusted: true },
      preferredUsername: 'TwitterDev',
    },
  },
  {
    provider: 'linkedin',
    source: {
      url: 'https://learn.microsoft.com/en-us/linkedin/consumer/integrations/self-serve/sign-in-with-linkedin-v2',
      read: '2026-11-30',
    },
    issuer: 'https://www.linkedin.com/oauth',
    tokenEndpoint: 'https://www.linkedin.com/oauth/v2/accessToken',
    tokens: { token_type: 'Bearer', expires_in: 5_184_000, scope: 'email,openid,profile' },
    answers: {
      'https://api.linkedin.com/v2/userinfo': {
        sub: '782bbtaQ',
        name: 'John Doe',
        given_name: 'John',
        family_name: 'Doe',
        picture: 'https://media.licdn-ei.com/dms/image/C5F03AQHqK8v7tB1HCQ/profile-displayphoto-shrink_100_100/0/',
        locale: { country: 'US', language: 'en' },
        email: 'doe@email.com',
        email_verified: true,
      },
    },
    profile: { subject: '782bbtaQ', email: { address: 'doe@email.com', isTrusted: true }, locale: 'en-US' },
  },
  {
    provider: 'discord',
    source: { url: 'https://discord.com/developers/docs/resources/user#user-object-example-user', read: '2026-11-30' },
    issuer: 'https://discord.com',
    tokenEndpoint: 'https://discord.com/api/oauth2/token',
    tokens: { token_type: 'Bearer', expires_in: 604_800, scope: 'identify email' },
    answers: {
      'https://discord.com/api/v10/users/@me': {
        id: '80351110224678912',
        username: 'Nelly',
        discriminator: '1337',
        global_name: null,
        avatar: '8342729096ea3675442027381ff50dfe',
        verified: true,
        email: 'nelly@discord.example',
        locale: 'pt-BR',
      },
    },
    profile: {
      subject: '80351110224678912',
      email: { address: 'nelly@discord.example', isTrusted: true },
      name: null,
      preferredUsername: 'Nelly',
      locale: 'pt-BR',
    },
  },
] as const;
