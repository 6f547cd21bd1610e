import type { By } from '#audit/module.ts';
import type { OrganizationId } from '#directory/organizations/organization.ts';
import type { Operation } from '#kernel/operations/operation.ts';
import { assignmentOperations } from './assignment-operations.ts';
import { checkOperations } from './check-operations.ts';
import { groupOperations } from './group-operations.ts';
import { permissionOperations } from './permission-operations.ts';
import { roleOperations } from './role-operations.ts';

type Places = { places: { require(organizationId: OrganizationId): Promise<unknown> } };

/** The same operation, which first finds the organization that it names. Throws organizations.not_found. */
function withPlace<Services>(operation: Operation<By, Services>): Operation<By, Services & Places> {
  if (!Object.hasOwn(operation.params.shape, 'organization_id')) return operation;
  return {
    ...operation,
    async run(given, by, services) {
      await services.places.require((given as { organization_id: OrganizationId }).organization_id);
      return operation.run(given, by, services);
    },
  };
}

export const accessOperations = [
  roleOperations.map((each) => withPlace(each)),
  groupOperations.map((each) => withPlace(each)),
  assignmentOperations.map((each) => withPlace(each)),
  permissionOperations.map((each) => withPlace(each)),
  checkOperations.map((each) => withPlace(each)),
].flat();
