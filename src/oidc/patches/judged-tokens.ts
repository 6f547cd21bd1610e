import { judged, type Shown } from '../authority/enforcement.ts';
import { originKinds } from '../authority/origin.ts';
import { type Patch, source } from './patch.ts';

type Finder = { find(value: string, options?: object): Promise<Shown | undefined> };

export const judgedTokens: Patch = {
  members: Object.fromEntries(
    originKinds.map((kind) => [`${kind}.find`, { method: kind === 'ClientCredentials' ? 1 : 0 }]),
  ),
  reason: 'The engine finds each token and code through its model: there it gets what it is worth now, or nothing.',
  upstream: source('models/base_token.js'),
  apply(engine, { enforcement }) {
    for (const kind of originKinds) {
      const model: Finder = engine[kind];
      const { find } = model;
      model.find = async function findHeld(value, options) {
        const shown = await find.call(model, value, options);
        return shown && judged(engine, shown, enforcement);
      };
    }
  },
};
