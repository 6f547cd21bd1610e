/** Exports as other products write them: Keycloak 26 and 7, Auth0, Firebase. */

/** The password of the users below. */
export const theirPassword = 'Winter-was-long-2019';

const argon2 = {
  type: 'password',
  userLabel: 'My password',
  createdDate: 1_577_836_800_000,
  secretData: JSON.stringify({
    value: '7wx8z0oOSvVLeCeZwJgFapEOdel+JUIAGsz/EC8TER4=',
    salt: 'MhZeP7+T3X1IjwU5nC+rZA==',
    additionalParameters: {},
  }),
  credentialData: JSON.stringify({
    hashIterations: 5,
    algorithm: 'argon2',
    additionalParameters: {
      hashLength: ['32'],
      memory: ['7168'],
      type: ['id'],
      version: ['1.3'],
      parallelism: ['1'],
    },
  }),
};

const client = (clientId: string, members: object) => ({
  clientId,
  enabled: true,
  protocol: 'openid-connect',
  clientAuthenticatorType: 'client-secret',
  standardFlowEnabled: true,
  implicitFlowEnabled: false,
  directAccessGrantsEnabled: false,
  serviceAccountsEnabled: false,
  publicClient: false,
  bearerOnly: false,
  consentRequired: false,
  defaultClientScopes: ['web-origins', 'acr', 'roles', 'profile', 'basic', 'email'],
  optionalClientScopes: ['address', 'phone', 'offline_access', 'organization', 'microprofile-jwt'],
  attributes: {},
  ...members,
});

/** A realm with everything that an operator of a shop made in it. */
export const keycloakRealm = {
  id: 'c1d0',
  realm: 'shop',
  defaultRole: { name: 'default-roles-shop', composite: true },
  roles: {
    realm: [
      {
        name: 'default-roles-shop',
        description: '${role_default-roles}',
        composite: true,
        composites: { realm: ['offline_access', 'uma_authorization'], client: { account: ['view-profile'] } },
      },
      { name: 'offline_access', description: '${role_offline-access}' },
      { name: 'uma_authorization' },
      {
        name: 'billing',
        description: 'Sees invoices',
        composite: true,
        composites: { realm: ['customer'], client: { 'shop-web': ['manager'] } },
      },
      { name: 'customer' },
      { name: 'SUPER_ADMIN', description: 'No role of Latchkey' },
      { name: 'Leitung Süd' },
    ],
    client: {
      account: [{ name: 'view-profile' }],
      'realm-management': [{ name: 'manage-users' }],
      'shop-web': [{ name: 'manager' }],
    },
  },
  groups: [
    {
      name: 'staff',
      path: '/staff',
      realmRoles: ['billing'],
      clientRoles: {},
      attributes: {},
      subGroups: [
        {
          name: 'london',
          path: '/staff/london',
          realmRoles: [],
          clientRoles: { 'shop-web': ['manager'] },
          attributes: { site: ['LON'] },
          subGroups: [],
        },
      ],
    },
  ],
  users: [
    {
      id: 'f8c1a1f0-0001',
      username: 'ada',
      email: 'ada@shop.example',
      emailVerified: true,
      enabled: true,
      firstName: 'Ada',
      lastName: 'Lovelace',
      createdTimestamp: 1_577_836_800_000,
      attributes: {
        phoneNumber: ['+44 20 7946 0018'],
        phoneNumberVerified: ['true'],
        nickname: ['ada'],
        picture: ['avatar_3'],
        locale: ['pt_BR'],
        street: ['12 St James’s Square'],
        locality: ['London'],
        country: ['UK'],
        plan: ['gold'],
      },
      credentials: [argon2],
      requiredActions: ['UPDATE_PASSWORD', 'CONFIGURE_TOTP'],
      realmRoles: ['default-roles-shop', 'Leitung Süd', 'SUPER_ADMIN'],
      groups: ['/staff/london'],
    },
    {
      id: 'f8c1a1f0-0002',
      username: 'grace',
      email: 'grace@shop.example',
      emailVerified: true,
      enabled: true,
      credentials: [{ type: 'password', value: theirPassword, temporary: false }],
      requiredActions: ['VERIFY_EMAIL'],
      clientRoles: { 'shop-web': ['manager'], account: ['view-profile'] },
    },
    {
      id: 'f8c1a1f0-0003',
      username: 'service-account-shop-worker',
      enabled: true,
      serviceAccountClientId: 'shop-worker',
      realmRoles: ['default-roles-shop', 'billing'],
    },
  ],
  clients: [
    client('account', { publicClient: true, redirectUris: ['/realms/shop/account/*'] }),
    client('shop-web', {
      name: 'Shop',
      rootUrl: 'https://shop.example.com',
      secret: 'Kc7Qm2Wx9Tz4Rb8Ny6Ld3Vh5Jp1Gs0Fa',
      redirectUris: ['/signed-in', 'https://shop.example.com/*', 'https://beta.shop.example.com/cb'],
      webOrigins: ['+'],
      serviceAccountsEnabled: true,
      attributes: {
        'pkce.code.challenge.method': 'S256',
        'post.logout.redirect.uris': 'https://shop.example.com/bye##+',
        'backchannel.logout.url': 'https://shop.example.com/backchannel',
        'backchannel.logout.session.required': 'true',
      },
    }),
    client('shop-spa', { publicClient: true, redirectUris: ['https://spa.shop.example.com/*'], webOrigins: ['*'] }),
    client('shop-worker', {
      standardFlowEnabled: false,
      serviceAccountsEnabled: true,
      secret: '**********',
    }),
    client('shop-old', {
      enabled: false,
      secret: 'short',
      redirectUris: ['http://old.shop.example.com/cb', 'https://old.shop.example.com/cb'],
    }),
    client('shop-saml', { protocol: 'saml' }),
    client('shop-api', { bearerOnly: true, standardFlowEnabled: false }),
    client('shop-any', { redirectUris: ['*'] }),
  ],
};

/** A user of Keycloak before version 8, whose credentials are flat. */
export const oldKeycloakUser = {
  username: 'joan',
  email: 'joan@shop.example',
  enabled: true,
  credentials: [
    {
      type: 'password',
      hashedSaltedValue: 'JsfNbCOIdZUbyBJ+BT+VoGI91Ec2rWLOvkLPDaX8e9k=',
      salt: 'P5rtFkGtPfoaryJ6PizUJw==',
      hashIterations: 27_500,
      counter: 0,
      algorithm: 'pbkdf2-sha256',
      digits: 0,
      period: 0,
      config: {},
    },
    {
      type: 'totp',
      hashedSaltedValue: 'Hello!Hello!Hello!Hello!',
      hashIterations: 0,
      counter: 0,
      algorithm: 'HmacSHA1',
      digits: 6,
      period: 30,
      config: {},
    },
    { type: 'hotp', hashedSaltedValue: 'Hello!Hello!Hello!Hello!', counter: 3, digits: 6 },
    { type: 'webauthn', credentialData: '{}', secretData: '{}' },
  ],
  realmRoles: ['offline_access'],
};

const sha1 = { algorithm: 'sha1', hash: { value: 'm17kGi0JAP1sIXdhbJD2Tu5BtVo=', encoding: 'base64' } };

/** The list that Auth0's own import takes. */
export const auth0Import = [
  {
    email: 'joe@auth0.example',
    email_verified: false,
    user_id: '42',
    username: 'joe',
    picture: 'avatar_3',
    blocked: false,
    custom_password_hash: sha1,
    app_metadata: { roles: ['admin'] },
    user_metadata: { theme: 'light' },
    mfa_factors: [{ totp: { secret: 'JBSWY3DPEHPK3PXP' } }, { phone: { value: '+15551112233' } }],
  },
  { email: 'jim@auth0.example', custom_password_hash: { algorithm: 'md4', hash: { value: 'x', encoding: 'hex' } } },
];

/** Firebase's parameters, as its console shows them. */
export const firebaseConsole = `hash_config {
  algorithm: SCRYPT,
  base64_signer_key: jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==,
  base64_salt_separator: Bw==,
  rounds: 8,
  mem_cost: 14,
}
`;

const hash = '70k8Vg5B3/OrvJOiqusnasv0dLcBHoDAqJrJr7TRLBfMw4MitWx51YXJYFdGiyMbMeKtWtLf5HiBDcN0SUOm4A==';

/** `firebase auth:export users.json`; the password of the first is `hunter2`. */
export const firebaseExport = {
  users: [
    {
      localId: 'uid1',
      email: 'ada@firebase.example',
      emailVerified: true,
      passwordHash: hash,
      salt: '42xEC+ixf3L2lw==',
      displayName: 'Ada',
      lastSignedInAt: '1577836800000',
      createdAt: '1577836800000',
      customAttributes: '{"plan":"gold"}',
      providerUserInfo: [{ providerId: 'google.com', rawId: '12', email: 'ada@gmail.example' }],
      mfaInfo: [{ mfaEnrollmentId: 'm1', phoneInfo: '+15551112233' }],
    },
    { localId: 'uid3', createdAt: '1577836800000', providerUserInfo: [] },
  ],
};

/** The same users as CSV: no names of columns, a comma at the end of each line. */
export const firebaseCsv =
  `uid1,ada@firebase.example,true,${hash},42xEC+ixf3L2lw==,Ada,,12,ada@gmail.example,,${','.repeat(12)},1577836800000,1577836800000,,,"{""plan"":""gold""}",\n` +
  `uid2,bob@firebase.example,false,,,"Bob, the second",,,,,${','.repeat(12)},1577836800000,,+12025550123,true,,\n`;
