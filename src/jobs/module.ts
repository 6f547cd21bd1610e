/**
 * jobs: work in the background, in the hands of an operator.
 *
 * Owns    the acts of operators on jobs and schedules, and their events.
 * Leaves  the queue and its tables to the kernel, the work of each job to the slice that defines it. The data of a job stays sealed.
 * URLs    none.
 */
import { type JobDependencies, JobService } from './job-service.ts';

/** Creates the service of the operations on jobs and schedules. */
export const createJobAdministration = (dependencies: JobDependencies) => ({
  administration: new JobService(dependencies),
});
