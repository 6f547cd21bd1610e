/** Operations on many objects at once: each row is done or refused by itself, and the answer says which. */
import { z } from 'zod';
import { AppError } from '../errors.ts';
import { MOST_ROWS } from './limits.ts';

/** The rows of a call. Each has the form of `row`; a row in another form refuses the call before anything is done. */
export const bulkRows = <Row extends z.ZodType>(row: Row) => z.array(row).min(1).max(MOST_ROWS);

const refusalSchema = z.strictObject({
  code: z.string(),
  message: z.string(),
  errors: z.record(z.string(), z.unknown()).optional().describe('Each wrong member, with what is wrong with it'),
});

/** The answer: a result for each row, in the order of the rows. `done` is the word for a row that succeeded, with its members. */
export function bulkResults<Done extends string, Members extends z.ZodRawShape>(done: Done, members: Members) {
  return z.strictObject({
    results: z.array(
      z.discriminatedUnion('status', [
        z.strictObject({ index: z.int(), status: z.literal(done), ...members }),
        z.strictObject({ index: z.int(), status: z.literal('refused'), error: refusalSchema }),
      ]),
    ),
  });
}

type Refused = { index: number; status: 'refused'; error: z.input<typeof refusalSchema> };

/** Performs `act` on each row, one after the other. A refusal is the result of its row; a fault ends the call. */
export async function eachRow<Row, Done extends string, Result extends object>(
  rows: readonly Row[],
  done: Done,
  act: (row: Row) => Promise<Result>,
): Promise<{ results: ((Result & { index: number; status: Done }) | Refused)[] }> {
  const results: ((Result & { index: number; status: Done }) | Refused)[] = [];
  for (const [index, row] of rows.entries()) {
    try {
      results.push({ ...(await act(row)), index, status: done });
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      results.push({ index, status: 'refused', error: refusalOf(error) });
    }
  }
  return { results };
}

/** As the API shows a problem: members that are wrong stand under `errors`. */
function refusalOf({ code, message, status, details }: AppError): z.input<typeof refusalSchema> {
  return { code, message, ...(status === 422 && details ? { errors: details } : {}) };
}
