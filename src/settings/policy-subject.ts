/** The subject of what is about no user, organization or client: keys, limits of an address, the name of the instance. */
export const instance = 'instance' as const;

/** The subject of a policy: the instance, or at least one of these ids, as far as the caller knows them. */
export type PolicySubject =
  | typeof instance
  | (({ user: string } | { organization: string } | { client: string }) & {
      user?: string | undefined;
      organization?: string | undefined;
      client?: string | undefined;
    });
