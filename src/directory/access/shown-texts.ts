/** Texts about roles and groups that administrators write and others read. */
import { z } from 'zod';

/** Line breaks, other control characters, and the characters that turn the direction of text or hide in it. */
const isPlain = (text: string): boolean => !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text) && text === text.trim();
const PLAIN = 'must be text that can be seen, in one line';

export const nameText = z.string().min(1).max(128).refine(isPlain, PLAIN).describe('Name');
export const descriptionText = z.string().max(512).refine(isPlain, PLAIN).describe('Description for administrators');
