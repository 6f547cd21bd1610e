import QRCode from 'qrcode';

/** A QR code as one SVG path on a square of `size`, for the page to draw: no request carries what it says. */
export type QrCode = { size: number; path: string };

/** ISO/IEC 18004 §6.3.8 asks for four modules of quiet around it; on our white plate two are enough. */
const QUIET = 2;

/** A QR code of a text as an SVG path with its size in modules, error correction level M. */
export function qrCode(text: string): QrCode {
  const { modules } = QRCode.create(text, { errorCorrectionLevel: 'M' });
  const rows = Array.from({ length: modules.size }, (_, y) => {
    const dark = Array.from({ length: modules.size }, (_, x) => (modules.get(y, x) ? '#' : ' ')).join('');
    return [...dark.matchAll(/#+/g)]
      .map(({ index, 0: run }) => `M${index + QUIET} ${y + QUIET}h${run.length}v1h-${run.length}z`)
      .join('');
  });
  return { size: modules.size + 2 * QUIET, path: rows.join('') };
}
