import type { Configuration, Provider } from 'oidc-provider';
import type { JSONWebKeySet } from 'jose';
import type { Clock } from '#kernel/clock.ts';
import type { Throttle } from '#kernel/throttle.ts';
import type { Policies, UserPolicies } from '#settings/module.ts';
import type { DeviceForms } from '../device/device-forms.ts';
import type { Handles } from '../artifacts/handles.ts';
import type { HeldWrites } from '../artifacts/held-writes.ts';
import type { OpenSignIns } from '../artifacts/open-sign-ins.ts';
import type { Rotations } from '../artifacts/rotations.ts';
import type { EnforcementDependencies } from '../authority/enforcement.ts';
import type { AuthenticationDependencies } from '../client-authentication/client-authentication.ts';
import type { ClientStore } from '../client-store.ts';
import type { Engine, TellLogout } from '../engine.ts';
import type { OrganizationStore } from '../organizations/organization-store.ts';
import type { OrganizationClaims } from '../organizations/organization-claims.ts';
import type { OrganizationRequests } from '../organizations/organization-requests.ts';

/** The dependencies of all patches. */
export type PatchDependencies = {
  issuer: string;
  clock: Clock;
  settings: Configuration;
  clients: ClientStore;
  tellLogout: TellLogout;
  signIns: Pick<OpenSignIns, 'take' | 'takeOutsideSession'>;
  heldWrites: Pick<HeldWrites, 'flush'>;
  rotations: Pick<Rotations, 'successor'>;
  authentication: AuthenticationDependencies;
  handles: Pick<Handles, 'make' | 'hashOf'>;
  forms: Pick<DeviceForms, 'tokenOf'>;
  /** Every key whose signatures still count; public members are enough. */
  jwks: JSONWebKeySet;
  enforcement: EnforcementDependencies;
  organizations: OrganizationRequests;
  organizationClaims: OrganizationClaims;
  organizationStore: Pick<OrganizationStore, 'rightsOf'>;
  throttle: Throttle;
  policies: Policies<'limits'> & UserPolicies<'session'>;
};

/**
 * The expected form of the engine's member: a method with this many parameters, an accessor of a prototype, a property, a list of names, or
 * a member that the constructor assigns.
 */
export type Shape = { method: number } | 'accessor' | 'property' | 'list' | 'assigned';

/** One override of what the engine does not promise to keep. */
export type Patch = {
  /** Members of the engine by their path, such as `Client.prototype.redirectUriAllowed`. */
  members: Readonly<Record<string, Shape>>;
  reason: string;
  /** Where the original stands, or where its author says that it may be overridden. */
  upstream: string;
} & (
  | { apply(engine: Engine, dependencies: PatchDependencies): void }
  /** Members that must exist while the engine is built are in a class of ours. */
  | { subclass: typeof Provider }
);

/** The version that the patches are written against; package.json names it exactly. */
export const ENGINE_VERSION = '9.13.3';

/** The address of a source file of the engine in its pinned version. */
export const source = (path: string): string =>
  `https://github.com/panva/node-oidc-provider/blob/v${ENGINE_VERSION}/lib/${path}`;
