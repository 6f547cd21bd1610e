import type { Grant } from 'oidc-provider';
import { narrowed } from '../authority/enforcement.ts';
import { type Patch, source } from './patch.ts';

type Finder = { find(id: string, options?: object): Promise<Grant | undefined> };

export const narrowedGrants: Patch = {
  members: { 'Grant.find': { method: 1 } },
  reason:
    'A grant is worth what the client, the API and the consent allow now, not what it was worth when it was made.',
  upstream: source('models/base_model.js'),
  apply(engine, { enforcement }) {
    const model = engine.Grant as unknown as Finder;
    const { find } = model;
    model.find = async function findNarrowed(id, options) {
      const grant = await find.call(model, id, options);
      return grant && narrowed(engine, grant, enforcement);
    };
  },
};
