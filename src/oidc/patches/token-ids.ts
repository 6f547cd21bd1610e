import { mark, type MarkedKind, markedKinds } from '../artifacts/token-marks.ts';
import { type Patch, source } from './patch.ts';

type TokenModel = { format?: string; generateTokenId(): string };

/** A JWT has its form from RFC 9068; everything opaque gets the mark. */
export const tokenIds: Patch = {
  members: Object.fromEntries(markedKinds.map((kind) => [`${kind}.prototype.generateTokenId`, { method: 0 }])),
  reason: 'Opaque values bear a prefix and a checksum, by which scanners of source code know a leaked one.',
  upstream: source('models/formats/opaque.js'),
  apply(engine) {
    for (const kind of markedKinds) markIds(engine[kind].prototype as unknown as TokenModel, kind);
  },
};

function markIds(model: TokenModel, kind: MarkedKind): void {
  const { generateTokenId } = model;
  model.generateTokenId = function markedTokenId() {
    const id = generateTokenId.call(this);
    return this.format === 'jwt' ? id : mark(kind, id);
  };
}
