// Draws again only when a prop is another object; a long log would be slow otherwise.
import { Component, type ComponentType } from "preact";

export function memo<P extends object>(Draw: (props: P) => preact.ComponentChild): ComponentType<P> {
  return class Memo extends Component<P> {
    override shouldComponentUpdate(next: Readonly<P>): boolean {
      return (Object.keys(next) as (keyof P)[]).some((key) => next[key] !== this.props[key]);
    }

    override render() {
      return Draw(this.props);
    }
  };
}
