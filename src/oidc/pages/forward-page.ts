import { show } from '#kernel/views.ts';
import { forwardView } from './forward-view.ts';

/** Shows a page that posts these fields to the address at once. */
export function forward(
  ctx: Parameters<typeof show>[0],
  page: { action: string; fields: Readonly<Record<string, string>> },
): void {
  show(ctx, 200, forwardView, page);
}
