/** The subject of what is about no user, organization or client: keys, limits of an address, the name of the instance. */
export const instance = 'instance' as const;

/** What a policy is asked about: the instance, or at least one of these, as far as they are known where it is asked. */
export type PolicySubject =
  | typeof instance
  | (({ user: string } | { organization: string } | { client: string }) & {
      user?: string | undefined;
      organization?: string | undefined;
      client?: string | undefined;
    });
