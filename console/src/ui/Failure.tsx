// Shows in the place of a part that failed that it did, so that the rest stays usable.
import { Component, type ReactNode } from "react";

interface FailureProps {
  /** What stands in for the part, given why it failed. */
  instead: (error: Error) => ReactNode;
  children: ReactNode;
}

export class Failure extends Component<FailureProps, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: unknown): { error: Error } {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override render(): ReactNode {
    return this.state.error ? this.props.instead(this.state.error) : this.props.children;
  }
}
