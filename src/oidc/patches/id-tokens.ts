import { errors } from 'oidc-provider';
import { type Patch, source } from './patch.ts';

export const idTokens: Patch = {
  members: { 'IdToken.validate': { method: 2 } },
  reason:
    'A logout token has the same issuer, audience, subject and key; its type says that it is no ID token (RFC 8725 §3.11).',
  upstream: source('models/id_token.js'),
  apply({ IdToken }) {
    const { validate } = IdToken;
    IdToken.validate = async function validateIdToken(...given) {
      const validated = await validate.apply(IdToken, given);
      const type = validated.header['typ'];
      if (type !== undefined && type !== 'JWT') throw new errors.InvalidRequest('not an ID Token');
      return validated;
    };
  },
};
