// A drawing as a list of shapes: painted on a canvas for the screen and PNG, written as SVG for a file. The
// same scene gives the same picture in both.

export type Shape =
  | { kind: 'line'; points: Float64Array; colour: string; width: number; dash?: number[]; opacity?: number }
  | {
      kind: 'rule';
      x1: number;
      y1: number;
      x2: number;
      y2: number;
      colour: string;
      width: number;
      dash?: number[];
    }
  | { kind: 'box'; x: number; y: number; width: number; height: number; fill: string; opacity?: number }
  | { kind: 'dot'; x: number; y: number; radius: number; fill: string; edge?: string }
  | {
      kind: 'text';
      x: number;
      y: number;
      text: string;
      colour: string;
      size: number;
      align: Align;
      bold?: boolean;
      turned?: boolean;
    }
  | { kind: 'clip'; x: number; y: number; width: number; height: number; shapes: Shape[] };

export type Align = 'left' | 'center' | 'right';

export const fontFamily =
  'system-ui, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif';

export function paint(context: CanvasRenderingContext2D, shapes: Shape[]): void {
  for (const shape of shapes) {
    context.globalAlpha = 'opacity' in shape ? (shape.opacity ?? 1) : 1;
    switch (shape.kind) {
      case 'line':
        stroke(context, shape.colour, shape.width, shape.dash);
        context.beginPath();
        trace(shape.points, (x, y, begins) => (begins ? context.moveTo(x, y) : context.lineTo(x, y)));
        context.stroke();
        break;
      case 'rule':
        stroke(context, shape.colour, shape.width, shape.dash);
        context.beginPath();
        context.moveTo(shape.x1, shape.y1);
        context.lineTo(shape.x2, shape.y2);
        context.stroke();
        break;
      case 'box':
        context.fillStyle = shape.fill;
        context.fillRect(shape.x, shape.y, shape.width, shape.height);
        break;
      case 'dot':
        context.beginPath();
        context.arc(shape.x, shape.y, shape.radius, 0, 2 * Math.PI);
        context.fillStyle = shape.fill;
        context.fill();
        if (shape.edge) {
          stroke(context, shape.edge, 1.5);
          context.stroke();
        }
        break;
      case 'text':
        context.save();
        context.font = `${shape.bold ? '600 ' : ''}${shape.size}px ${fontFamily}`;
        context.fillStyle = shape.colour;
        context.textAlign = shape.align;
        context.textBaseline = 'middle';
        context.translate(shape.x, shape.y);
        if (shape.turned) context.rotate(-Math.PI / 2);
        context.fillText(shape.text, 0, 0);
        context.restore();
        break;
      case 'clip':
        context.save();
        context.beginPath();
        context.rect(shape.x, shape.y, shape.width, shape.height);
        context.clip();
        paint(context, shape.shapes);
        context.restore();
    }
  }
  context.globalAlpha = 1;
}

function stroke(context: CanvasRenderingContext2D, colour: string, width: number, dash: number[] = []): void {
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.lineJoin = 'round';
  context.setLineDash(dash);
}

/** Pairs of x and y; a NaN ends one stretch of the line. */
function trace(points: Float64Array, put: (x: number, y: number, begins: boolean) => void): void {
  let begins = true;
  for (let i = 0; i + 1 < points.length; i += 2) {
    const x = points[i]!;
    const y = points[i + 1]!;
    if (!Number.isFinite(x) || !Number.isFinite(y)) {
      begins = true;
      continue;
    }
    put(x, y, begins);
    begins = false;
  }
}

export function toSvg(shapes: Shape[], width: number, height: number, title: string): string {
  const ids = { next: 0 };
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="${escape(fontFamily)}">` +
    `<title>${escape(title)}</title>${shapes.map((shape) => svgShape(shape, ids)).join('')}</svg>\n`
  );
}

function svgShape(shape: Shape, ids: { next: number }): string {
  switch (shape.kind) {
    case 'line': {
      let path = '';
      trace(shape.points, (x, y, begins) => (path += `${begins ? 'M' : 'L'}${round(x)} ${round(y)}`));
      return `<path d="${path}" fill="none" stroke="${escape(shape.colour)}" stroke-width="${shape.width}" stroke-linejoin="round"${dashed(shape.dash)}${faint(shape.opacity)}/>`;
    }
    case 'rule':
      return `<path d="M${round(shape.x1)} ${round(shape.y1)}L${round(shape.x2)} ${round(shape.y2)}" stroke="${escape(shape.colour)}" stroke-width="${shape.width}"${dashed(shape.dash)}/>`;
    case 'box':
      return `<rect x="${round(shape.x)}" y="${round(shape.y)}" width="${round(shape.width)}" height="${round(shape.height)}" fill="${escape(shape.fill)}"${faint(shape.opacity)}/>`;
    case 'dot':
      return `<circle cx="${round(shape.x)}" cy="${round(shape.y)}" r="${shape.radius}" fill="${escape(shape.fill)}"${shape.edge ? ` stroke="${escape(shape.edge)}" stroke-width="1.5"` : ''}/>`;
    case 'text': {
      const anchor = { left: 'start', center: 'middle', right: 'end' }[shape.align];
      const turn = shape.turned ? ` transform="rotate(-90 ${round(shape.x)} ${round(shape.y)})"` : '';
      return `<text x="${round(shape.x)}" y="${round(shape.y)}" dy="0.35em" font-size="${shape.size}" fill="${escape(shape.colour)}" text-anchor="${anchor}"${shape.bold ? ' font-weight="600"' : ''}${turn}>${escape(shape.text)}</text>`;
    }
    case 'clip': {
      const id = `c${ids.next++}`;
      const inside = shape.shapes.map((each) => svgShape(each, ids)).join('');
      return `<clipPath id="${id}"><rect x="${shape.x}" y="${shape.y}" width="${shape.width}" height="${shape.height}"/></clipPath><g clip-path="url(#${id})">${inside}</g>`;
    }
  }
}

const dashed = (dash?: number[]) => (dash?.length ? ` stroke-dasharray="${dash.join(' ')}"` : '');
const faint = (opacity?: number) => (opacity === undefined || opacity === 1 ? '' : ` opacity="${opacity}"`);
const round = (value: number) => String(Math.round(value * 100) / 100);
const escape = (text: string) =>
  text.replace(/[&<>"]/g, (mark) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[mark]!);
