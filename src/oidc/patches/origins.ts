import { Provider } from 'oidc-provider';
import { type Origin, originIn, originKinds } from '../authority/origin.ts';
import { type Patch, source } from './patch.ts';

type Model = { accountId?: string | undefined; kind: string; origin?: Origin | undefined };
type ModelClass = { readonly IN_PAYLOAD: readonly string[]; prototype: Model & { save(): Promise<string> } };

export const origins: Patch = {
  members: Object.fromEntries(
    originKinds.flatMap((kind) => [
      [`${kind}.IN_PAYLOAD`, 'list'],
      [`${kind}.prototype.save`, { method: 0 }],
    ]),
  ),
  reason: 'Each token and code keeps how it came to be, by which it is judged when it is used.',
  upstream: source('models/base_token.js'),
  apply(engine) {
    for (const kind of originKinds) keepOriginOf(engine[kind]);
  },
};

function keepOriginOf(model: ModelClass): void {
  const members = [...model.IN_PAYLOAD, 'origin'];
  Object.defineProperty(model, 'IN_PAYLOAD', { get: () => members });
  const { save } = model.prototype;
  model.prototype.save = async function saveWithOrigin() {
    const ctx = Provider.ctx;
    // A device code has no user until one answers.
    const isWaiting = this.kind === 'DeviceCode' && this.accountId === undefined;
    if (ctx && !isWaiting) this.origin ??= await originIn(ctx, this.kind);
    return save.call(this);
  };
}
