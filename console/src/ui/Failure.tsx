// Shows in the place of a part that failed that it did, so that the rest stays usable.
import { Component, type ReactNode } from "react";

interface FailureProps {
  /** What stands in for the part, given why it failed. */
  instead: (error: Error) => ReactNode;
  /** When this changes, the part is tried again. */
  resetBy?: unknown;
  children: ReactNode;
}

export class Failure extends Component<FailureProps, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: unknown): { error: Error } {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override componentDidUpdate(before: FailureProps): void {
    if (this.state.error && before.resetBy !== this.props.resetBy) this.setState({ error: null });
  }

  override render(): ReactNode {
    return this.state.error ? this.props.instead(this.state.error) : this.props.children;
  }
}
