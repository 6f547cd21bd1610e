import { type FindGrant, findNarrowed } from '../authority/grant-worth.ts';
import { type Patch, source } from './patch.ts';

export const narrowedGrants: Patch = {
  members: { 'Grant.find': { method: 1 } },
  reason:
    'A grant is worth what the client, the API and the consent allow now, not what it was worth when it was made.',
  upstream: source('models/base_model.js'),
  apply(engine, { enforcement }) {
    const model = engine.Grant as unknown as { find: FindGrant };
    const find = model.find.bind(model);
    model.find = async (...asked) => findNarrowed(engine, find, asked, enforcement.authority);
  },
};
