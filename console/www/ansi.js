// Texts of the network as players see them: pinkfish codes and ANSI colours become runs of text with class names. Nothing
// here makes markup. Whatever else a terminal would act on is dropped, as in the gateway's own forms (`text_format`).

/** The pinkfish codes, as parameters of an SGR sequence. */
const CODES = {
  RESET: '0', BOLD: '1', ITALIC: '3', ITALICS: '3', UNDERLINE: '4', FLASH: '5', BLINK: '5', REVERSE: '7',
  STRIKETHROUGH: '9', STRIKETHRU: '9', BLACK: '30', RED: '31', GREEN: '32', ORANGE: '33', YELLOW: '1;33', BLUE: '34',
  MAGENTA: '35', PURPLE: '35', CYAN: '36', WHITE: '37', GREY: '37', GRAY: '37', B_BLACK: '40', B_RED: '41',
  B_GREEN: '42', B_ORANGE: '43', B_YELLOW: '43', B_BLUE: '44', B_MAGENTA: '45', B_PURPLE: '45', B_CYAN: '46',
  B_WHITE: '47',
};

/** Runs of one text. Beyond it, the rest has no colours. */
const RUNS_MAX = 1000;

/** Characters of one text that are shown. */
const CHARS_MAX = 65536;

const NAMED = [
  [0, 0, 0], [204, 0, 0], [0, 170, 0], [170, 102, 0], [34, 34, 204], [170, 0, 170], [0, 170, 170], [170, 170, 170],
  [85, 85, 85], [255, 85, 85], [85, 255, 85], [255, 255, 85], [85, 85, 255], [255, 85, 255], [85, 255, 255],
  [255, 255, 255],
];

/** Returns the nearest of the sixteen colours that the page has. */
export function nearest(rgb) {
  let best = 7;
  let least = Infinity;
  NAMED.forEach((one, index) => {
    const distance = one.reduce((sum, part, at) => sum + (part - rgb[at]) ** 2, 0);
    if (distance < least) [best, least] = [index, distance];
  });
  return best;
}

function indexed(number) {
  if (number < 16) return number;
  if (number >= 232) return nearest(Array(3).fill(8 + 10 * (number - 232)));
  const step = (part) => (part === 0 ? 0 : 55 + 40 * part);
  const at = number - 16;
  return nearest([step(Math.floor(at / 36)), step(Math.floor(at / 6) % 6), step(at % 6)]);
}

const NO_STYLE = { fg: -1, bg: -1, bold: false, italic: false, under: false, strike: false, reverse: false };

function applied(style, params) {
  let next = { ...style };
  const numbers = params.split(';').map((one) => (one === '' ? 0 : /^\d{1,3}$/.test(one) ? Number(one) : -1));
  for (let at = 0; at < numbers.length; at += 1) {
    const number = numbers[at];
    if (number === 0) next = { ...NO_STYLE };
    else if (number === 1) next.bold = true;
    else if (number === 3) next.italic = true;
    else if (number === 4) next.under = true;
    else if (number === 7) next.reverse = true;
    else if (number === 9) next.strike = true;
    else if (number === 22) next.bold = false;
    else if (number === 23) next.italic = false;
    else if (number === 24) next.under = false;
    else if (number === 27) next.reverse = false;
    else if (number === 29) next.strike = false;
    else if (number >= 30 && number <= 37) next.fg = number - 30;
    else if (number >= 40 && number <= 47) next.bg = number - 40;
    else if (number >= 90 && number <= 97) next.fg = number - 82;
    else if (number >= 100 && number <= 107) next.bg = number - 92;
    else if (number === 39) next.fg = -1;
    else if (number === 49) next.bg = -1;
    else if (number === 38 || number === 48) {
      const which = number === 38 ? 'fg' : 'bg';
      const kind = numbers[at + 1];
      if (kind === 5 && numbers[at + 2] >= 0 && numbers[at + 2] < 256) next[which] = indexed(numbers[at + 2]);
      if (kind === 2) next[which] = nearest(numbers.slice(at + 2, at + 5));
      at += kind === 5 ? 2 : kind === 2 ? 4 : 1;
    }
  }
  return next;
}

/** The names of the classes of a style: `f1` is red letters, `g1` a red ground. */
function classes(style) {
  let { fg, bg } = style;
  if (style.reverse) [fg, bg] = [bg < 0 ? 0 : bg, fg < 0 ? 7 : fg];
  if (style.bold && fg >= 0 && fg < 8) fg += 8;
  const names = [];
  // On a coloured ground the letters are black or white: a stranger chooses both, and could make them alike.
  if (bg >= 0) names.push(`g${bg}`);
  else if (fg >= 0) names.push(`f${fg}`);
  if (style.bold) names.push('bold');
  if (style.italic) names.push('italic');
  if (style.under) names.push('under');
  if (style.strike) names.push('strike');
  return names.join(' ');
}

const DIRECTION = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

// In this order: a literal mark, a pinkfish code, a control sequence, a string to the terminal, any other sequence, a
// mark without a code, and single controls.
const SPECIAL = new RegExp([
  '%%\\^\\^',
  '%\\^([A-Z0-9_]{1,24})(?:%\\^|$)',
  '(?:\\x1b\\[|\\x9b)([0-?]*)([ -/]*)([@-~]?)',
  '(?:\\x1b[\\]PX^_]|[\\x90\\x98\\x9d-\\x9f])[^\\x07\\x1b\\x9c\\x18\\x1a\\r\\n]*(?:\\x07|\\x1b\\\\|\\x9c|\\x18|\\x1a)?',
  '\\x1b[ -/]*[0-~]?',
  '%\\^',
  '\\r\\n?',
  '[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]',
].join('|'), 'g');

/** Returns the visible runs of a text: `[{ text, names }]`. */
export function runs(source) {
  const text = String(source ?? '').slice(0, CHARS_MAX).replace(DIRECTION, '');
  const found = [];
  let style = NO_STYLE;
  let names = '';
  const show = (piece) => {
    if (piece === '') return;
    const last = found[found.length - 1];
    if (last && (last.names === names || found.length >= RUNS_MAX)) last.text += piece;
    else found.push({ text: piece, names });
  };
  const set = (params) => {
    style = applied(style, params);
    names = classes(style);
  };
  let from = 0;
  SPECIAL.lastIndex = 0;
  for (let match = SPECIAL.exec(text); match; match = SPECIAL.exec(text)) {
    show(text.slice(from, match.index));
    const whole = match[0];
    if (whole === '%%^^') show('%^');
    else if (match[1] !== undefined) {
      const code = CODES[match[1]];
      if (code !== undefined) set(code);
      // One mark may close a code and open the next: `%^YELLOW%^B_RED%^`.
      const next = /^([A-Z0-9_]{1,24})%\^/.exec(text.slice(SPECIAL.lastIndex, SPECIAL.lastIndex + 26));
      if (next && CODES[next[1]] !== undefined && whole.endsWith('%^')) SPECIAL.lastIndex -= 2;
    } else if (match[4] === 'm' && match[3] === '' && /^[\d;:]*$/.test(match[2])) set(match[2]);
    else if (whole[0] === '\r') show('\n');
    from = SPECIAL.lastIndex;
  }
  show(text.slice(from));
  return found;
}

/** Returns a text without colours and control characters. */
export function plain(source) {
  return runs(source).map((run) => run.text).join('');
}

/** Returns a text in which each control character and each character that changes the direction is visible. */
export function visible(source) {
  return String(source ?? '').replace(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (one) => (one === '\t' ? '\t' : one < ' ' ? String.fromCharCode(0x2400 + one.charCodeAt(0))
      : `\\u{${one.charCodeAt(0).toString(16)}}`));
}
