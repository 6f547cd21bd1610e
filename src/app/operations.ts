/** Every operation of the product, and what each slice's operations need to run. */
import type { By } from '#audit/module.ts';
import { apiOperations } from '#clients/api-operations.ts';
import { clientOperations } from '#clients/operations.ts';
import { type BoundOperation, bindOperations } from '#kernel/operations/bound-operation.ts';
import type { Operation } from '#kernel/operations/operation.ts';
import type { Nouns } from './nouns.ts';

/** As they are declared: what this loads knows no service, so that the command line starts fast. */
export const operations: readonly Operation[] = [clientOperations, apiOperations].flat();

export function createOperations({ apis, clients }: Nouns): readonly BoundOperation<By>[] {
  return [
    bindOperations(clientOperations, { clients: clients.clients, secrets: clients.secrets }),
    bindOperations(apiOperations, { apis: apis.apis }),
  ].flat();
}
