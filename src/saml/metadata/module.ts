/**
 * metadata: the metadata of other parties, identity providers and applications.
 *
 * Owns    how a document is downloaded, which signatures it needs, when it is read again, and the words for what is wrong with it.
 * Leaves  XML to saml/messages; what an entity may do, and the rows, to connections and saml/applications.
 * URLs    none.
 */
export { certificatesIn, strongCertificates } from './certificates.ts';
export {
  type DocumentDependencies,
  type DocumentState,
  MetadataDocuments,
  type ReadDocument,
} from './metadata-documents.ts';
export { MetadataProblem } from './metadata-problem.ts';
export { MetadataRefresh, type RefreshedRows } from './metadata-refresh.ts';
