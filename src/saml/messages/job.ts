import type {
  AuthnRequestMessage,
  LogoutRequestMessage,
  LogoutResponseMessage,
  ResponseMessage,
  Status,
} from './message.ts';
import type { EntityMetadata } from './metadata.ts';
import { type MetadataDemands, metadataIn } from './metadata-reading.ts';
import {
  authnRequestIn,
  logoutRequestIn,
  logoutResponseIn,
  type RequestDemands,
  type ResponseDemands,
  responseIn,
} from './reading.ts';
import type { Opened } from './received.ts';
import { RefusedMessage, type Refusal } from './refusal.ts';

/** The jobs of a thread, each with the type of its result. */
export type Jobs = {
  response: { opened: Opened; demands: ResponseDemands; result: ResponseMessage };
  authn_request: { opened: Opened; demands: RequestDemands; result: AuthnRequestMessage };
  logout_request: { opened: Opened; demands: RequestDemands; result: LogoutRequestMessage };
  logout_response: { opened: Opened; demands: RequestDemands; result: LogoutResponseMessage };
  metadata: { opened: string; demands: MetadataDemands; result: EntityMetadata };
};
export type Job = { [Name in keyof Jobs]: Omit<Jobs[Name], 'result'> & { name: Name } }[keyof Jobs];

export type Outcome<Value> =
  | Readonly<{ kind: 'verified'; value: Value }>
  /** With the status of an answer that is no success: it tells what the identity provider could not do. */
  | Readonly<{ kind: 'refused'; reason: Refusal; status?: Status }>;

/** Does one job. Everything that a library throws at a message is a refusal. */
export function carryOut(job: Job): Outcome<unknown> {
  try {
    const value = resultOf(job);
    return job.name === 'response' && isFailedStatus(value)
      ? { kind: 'refused', reason: 'status', status: value.status }
      : { kind: 'verified', value };
  } catch (error) {
    return { kind: 'refused', reason: error instanceof RefusedMessage ? error.reason : 'failed' };
  }
}

function resultOf(job: Job) {
  switch (job.name) {
    case 'response':
      return responseIn(job.opened, job.demands);
    case 'authn_request':
      return authnRequestIn(job.opened, job.demands);
    case 'logout_request':
      return logoutRequestIn(job.opened, job.demands);
    case 'logout_response':
      return logoutResponseIn(job.opened, job.demands);
    case 'metadata':
      return metadataIn(job.opened, job.demands);
  }
}

function isFailedStatus(value: object): value is { status: Status } {
  return !('assertion' in value);
}
