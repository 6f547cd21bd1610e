import QRCode from 'qrcode';

/** The QR code as SVG to put into the page: no request carries the secret, and no style or script is in it. */
export function qrCode(text: string): Promise<string> {
  return QRCode.toString(text, { type: 'svg', errorCorrectionLevel: 'M', margin: 2 });
}
