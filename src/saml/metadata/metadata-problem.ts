/** Why metadata is not taken, in words for the operator. */
export class MetadataProblem extends Error {
  override readonly name = 'MetadataProblem';
}
