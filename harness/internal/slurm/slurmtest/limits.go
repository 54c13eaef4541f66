package slurmtest

import (
	"fmt"
	"strings"
)

// Limit is a limit that a cluster has from its start.
type Limit struct{ configuration, submitScript string }

// MaxArraySize limits the tasks of an array.
func MaxArraySize(n int) Limit { return Limit{configuration: fmt.Sprintf("MaxArraySize=%d\n", n)} }

// MaxSubmitJobs limits the jobs that are in the queue, of which a task of an array is one. The controller refuses what
// is more as it does where accounting has such a limit, with the name of the limit if it is not empty. A real one needs
// an accounting database; this is the controller's plugin for the sites' own rules.
func MaxSubmitJobs(n int, name string) Limit {
	script := strings.NewReplacer("LIMIT", fmt.Sprint(n), "NAME", name).Replace(submitScript)
	return Limit{configuration: "JobSubmitPlugins=lua\n", submitScript: script}
}

// submitScript counts what waits, runs or is suspended (states 0 to 2), and what an array such as 0-2,5%4 adds. The list
// of jobs that the controller gives it is renewed where a second has passed since it changed: it waits for that.
const submitScript = `
function slurm_job_submit(job, partitions, user)
  local jobs = 0
  for _, other in pairs(slurm.jobs) do
    if other.job_state % 256 <= 2 then
      jobs = jobs + math.max(1, other.array_task_cnt or 0)
    end
  end
  for first, last in string.gmatch((job.array_inx or "0"):gsub("%%.*", ""), "(%d+)-?(%d*)") do
    jobs = jobs + 1 + (tonumber(last) or tonumber(first)) - tonumber(first)
  end
  if jobs > LIMIT then
    if "NAME" ~= "" then slurm.log_user("NAME") end
    return slurm.ESLURM_ACCOUNTING_POLICY
  end
  os.execute("sleep 1.1")
  return slurm.SUCCESS
end

function slurm_job_modify(job, record, partitions, user)
  return slurm.SUCCESS
end
`
