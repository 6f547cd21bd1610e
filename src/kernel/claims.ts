/**
 * Claims that say who the user is, how the sign-in was proved, or what a token is good for: nothing but the provider may say them
 * (IANA registries of JWT and of token introspection, RFC 9068).
 */
export const protocolClaims: readonly string[] = `constructor prototype
   iss sub aud exp nbf iat jti azp nonce auth_time at_hash c_hash s_hash rt_hash acr amr sid sub_jwk cnf act may_act events toe txn
   scope client_id token_type active authorization_details vc vp verified_claims trust_framework sub_id _claim_names _claim_sources`.split(
  /\s+/,
);

/** OpenID Connect Core §5.4: the claims about a user that each scope asks for. */
export const scopeClaims = {
  profile: [
    'name',
    'family_name',
    'given_name',
    'middle_name',
    'nickname',
    'preferred_username',
    'profile',
    'picture',
    'website',
    'gender',
    'birthdate',
    'zoneinfo',
    'locale',
    'updated_at',
  ],
  email: ['email', 'email_verified'],
  address: ['address'],
  phone: ['phone_number', 'phone_number_verified'],
} as const;
