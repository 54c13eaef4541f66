package condition

import (
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"

	"flowharness/harness/internal/compare"
)

// Words of the language besides the names of metrics.
const (
	wordBaseline = "baseline"    // the baseline's value of the metric that the condition reads
	callMetric   = "metric"      // metric("accuracy/3"): a metric by its own name
	callBaseline = "baseline_of" // baseline_of("accuracy"): where a condition reads several
	callWorse    = "significantly_worse"
	callBetter   = "significantly_better"
	callDivide   = "divide" // what / becomes
)

var builtins = []string{"abs", "min", "max"}

// compile checks a condition against the names that there are.
func compile(text string, n names) (condition, error) {
	c := condition{text: text}
	tree, err := parser.Parse(text)
	if err != nil {
		return c, problem(text, err)
	}
	reader := &reader{condition: &c, names: n}
	reader.read(tree.Node)
	if reader.err != nil {
		return c, reader.err
	}
	if c.relative && len(c.metrics)+len(c.judged) != 1 {
		return c, &ExpressionError{text, reader.baselineAt,
			fmt.Sprintf("%q is the baseline's value of the one metric that a condition reads, and this reads %d: write %s(\"accuracy\")",
				wordBaseline, len(c.metrics)+len(c.judged), callBaseline)}
	}
	env := map[string]any{
		callWorse: func(string) bool { return false }, callBetter: func(string) bool { return false },
		callMetric: func(string) float64 { return 0 }, callBaseline: func(string) float64 { return 0 },
		wordBaseline: 0.0,
	}
	for _, name := range slices.Concat(c.metrics, c.judged) {
		env[compare.Identifier(name)] = 0.0
	}
	options := []expr.Option{expr.Env(env), expr.AsBool(), expr.Optimize(false), expr.DisableAllBuiltins(), expr.Patch(rewriter{n}),
		expr.Function(callDivide, func(args ...any) (any, error) { return divide(asFloat(args[0]), asFloat(args[1])) },
			new(func(float64, float64) float64), new(func(int, float64) float64), new(func(float64, int) float64), new(func(int, int) float64))}
	for _, name := range builtins {
		options = append(options, expr.EnableBuiltin(name))
	}
	if c.program, err = expr.Compile(text, options...); err != nil {
		return c, problem(text, err)
	}
	return c, nil
}

func asFloat(v any) float64 {
	switch v := v.(type) {
	case int:
		return float64(v)
	case float64:
		return v
	default:
		return 0 // the compiler has refused other types
	}
}

// reader finds what a condition reads, and refuses what is not of the language.
type reader struct {
	*condition
	names      names
	baselineAt int
	err        error
}

func (r *reader) fail(at ast.Node, format string, args ...any) {
	if r.err == nil {
		r.err = &ExpressionError{r.text, at.Location().From + 1, fmt.Sprintf(format, args...)}
	}
}

func (r *reader) read(node ast.Node) {
	switch n := node.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
	case *ast.StringNode:
		r.fail(n, "a text belongs inside %s(…) only", callMetric)
	case *ast.IdentifierNode:
		r.name(n, n.Value)
	case *ast.UnaryNode:
		r.read(n.Node)
	case *ast.BinaryNode:
		if !slices.Contains([]string{"+", "-", "*", "/", "^", "**", "<", "<=", ">", ">=", "==", "!=", "and", "or", "&&", "||"}, n.Operator) {
			r.fail(n, "%q is not part of this language", n.Operator)
			return
		}
		r.read(n.Left)
		r.read(n.Right)
	case *ast.ConditionalNode:
		r.read(n.Cond)
		r.read(n.Exp1)
		r.read(n.Exp2)
	case *ast.BuiltinNode:
		if !slices.Contains(builtins, n.Name) {
			r.fail(n, "there is no function %q; there are %s", n.Name, strings.Join(functions(), ", "))
			return
		}
		for _, arg := range n.Arguments {
			r.read(arg)
		}
	case *ast.CallNode:
		r.call(n)
	default:
		r.fail(n, "this is not part of the language: conditions compare numbers; docs/gate.md describes them")
	}
}

func (r *reader) name(at ast.Node, name string) {
	if name == wordBaseline {
		r.relative = true
		r.baselineAt = at.Location().From + 1
		return
	}
	metric, err := r.names.find(name)
	if err != nil {
		r.fail(at, "%v", err)
		return
	}
	add(&r.metrics, metric)
}

func (r *reader) call(n *ast.CallNode) {
	callee, ok := n.Callee.(*ast.IdentifierNode)
	if !ok || !slices.Contains(functions(), callee.Value) {
		r.fail(n, "there is no such function; there are %s", strings.Join(functions(), ", "))
		return
	}
	if slices.Contains(builtins, callee.Value) {
		for _, arg := range n.Arguments {
			r.read(arg)
		}
		return
	}
	if len(n.Arguments) != 1 {
		r.fail(n, "%s takes one metric, got %d arguments", callee.Value, len(n.Arguments))
		return
	}
	metric, ok := metricArgument(n.Arguments[0])
	if !ok {
		r.fail(n.Arguments[0], "%s takes the name of a metric, such as %s(%q)", callee.Value, callee.Value, "accuracy/3")
		return
	}
	metric, err := r.names.find(metric)
	if err != nil {
		r.fail(n.Arguments[0], "%v", err)
		return
	}
	switch callee.Value {
	case callWorse, callBetter:
		add(&r.judged, metric)
	default:
		add(&r.metrics, metric)
	}
}

// metricArgument is the metric named by accuracy, "accuracy" or
// metric("accuracy").
func metricArgument(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.IdentifierNode:
		return n.Value, true
	case *ast.CallNode:
		if callee, ok := n.Callee.(*ast.IdentifierNode); ok && callee.Value == callMetric && len(n.Arguments) == 1 {
			return metricArgument(n.Arguments[0])
		}
	}
	return "", false
}

// rewriter makes divisions calls, which can fail at their place, and arguments
// of functions the metrics' own names.
type rewriter struct{ names names }

// Visit implements [ast.Visitor].
func (r rewriter) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.BinaryNode:
		if n.Operator == "/" {
			ast.Patch(node, &ast.CallNode{Callee: &ast.IdentifierNode{Value: callDivide}, Arguments: []ast.Node{n.Left, n.Right}})
		}
	case *ast.CallNode:
		callee, ok := n.Callee.(*ast.IdentifierNode)
		if !ok || len(n.Arguments) != 1 || !slices.Contains([]string{callWorse, callBetter, callMetric, callBaseline}, callee.Value) {
			return
		}
		if name, ok := metricArgument(n.Arguments[0]); ok {
			if metric, err := r.names.find(name); err == nil {
				n.Arguments[0] = &ast.StringNode{Value: metric}
			}
		}
	}
}

func add(list *[]string, s string) {
	if !slices.Contains(*list, s) {
		*list = append(*list, s)
	}
}

// mentioned lists every identifier and text of an expression.
func mentioned(text string) []string {
	tree, err := parser.Parse(text)
	if err != nil {
		return nil // Evaluate reports it
	}
	var m mentions
	ast.Walk(&tree.Node, &m)
	return m
}

type mentions []string

// Visit implements [ast.Visitor].
func (m *mentions) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		*m = append(*m, n.Value)
	case *ast.StringNode:
		*m = append(*m, n.Value)
	}
}
