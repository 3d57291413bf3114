"""The process of one contestant: reads numbers of steps, answers with their time.

python -m benchmarks.worker MODULE CASE

MODULE is one of `benchmarks.contestants`; CASE is JSON. The contestant's module has
`prepare(**case)`, which returns a function that does so many steps and waits for the last
one, and facts about itself for the report.
"""

import importlib
import json
import os
import sys
import time


def main() -> None:
    """Prepares, says that it is ready, and works until its input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # What libraries print must not stand among the answers.
    module, case = sys.argv[1], json.loads(sys.argv[2])
    try:
        contestant = importlib.import_module(f"benchmarks.contestants.{module}")
        run, facts = contestant.prepare(**case)
    except ImportError as error:
        print(json.dumps({"missing": str(error)}), file=answers, flush=True)
        return
    print(json.dumps(facts), file=answers, flush=True)
    for line in sys.stdin:
        start, start_processor = time.perf_counter(), time.process_time()
        run(int(line))
        answer = {
            "seconds": time.perf_counter() - start,
            "processor_seconds": time.process_time() - start_processor,
        }
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
