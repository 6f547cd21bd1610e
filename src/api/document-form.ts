/** The form of the OpenAPI document, as far as it is read again: by the explorer, the collection and the comparison of releases. */

export type JsonSchema = {
  $ref?: string;
  type?: string | string[];
  description?: string;
  format?: string;
  pattern?: string;
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  example?: unknown;
  examples?: unknown[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: boolean | JsonSchema;
  propertyNames?: JsonSchema;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  allOf?: JsonSchema[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
};

type DocumentParameter = {
  in: string;
  name: string;
  required?: boolean;
  description?: string;
  schema: JsonSchema;
  example?: unknown;
};

type DocumentContent = {
  schema: JsonSchema;
  example?: unknown;
  examples?: Record<string, { $ref?: string; value?: unknown }>;
};

export type DocumentResponse = {
  $ref?: string;
  description: string;
  headers?: Record<string, unknown>;
  content?: Record<string, DocumentContent>;
};

export type DocumentOperation = {
  operationId: string;
  tags: string[];
  summary: string;
  description: string;
  security: Record<string, string[]>[];
  deprecated?: boolean;
  parameters?: DocumentParameter[];
  requestBody?: { required?: boolean; content: Record<string, DocumentContent> };
  responses: Record<string, DocumentResponse>;
};

export type ApiDocument = {
  openapi: string;
  info: { title: string; version: string; description?: string };
  servers: { url: string }[];
  tags: { name: string; description?: string }[];
  paths: Record<string, Record<string, DocumentOperation>>;
  components: {
    schemas?: Record<string, JsonSchema>;
    responses?: Record<string, DocumentResponse>;
    examples?: Record<string, { value: unknown }>;
    securitySchemes?: Record<string, unknown>;
  };
};

type Place = { path: string; method: string; operation: DocumentOperation };

/** Every operation with its path and its method, in the order of the document. */
export const operationsOf = ({ paths }: Pick<ApiDocument, 'paths'>): Place[] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );

/**
 * The value that `$ref` names, or the value itself.
 * @throws Error where the document has no such component.
 */
export function resolved<T extends { $ref?: string }>({ components }: Pick<ApiDocument, 'components'>, value: T): T {
  if (value.$ref === undefined) return value;
  const [, kind = '', name = ''] = /^#\/components\/(\w+)\/(.+)$/.exec(value.$ref) ?? [];
  const found = (components as Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>)[kind]?.[name];
  if (found === undefined) throw new Error(`the document has no ${value.$ref}`);
  return resolved({ components }, found as T);
}
