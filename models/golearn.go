package models

import (
	"fmt"
	"math"
	"strconv"

	grids "github.com/sjwhitworth/golearn/base"
	"github.com/sjwhitworth/golearn/trees"
)

// This file is golearn's border: it alone imports golearn, and nothing of
// golearn's leaves it. golearn grows a tree; what predicts is our own flat one.

// split is one inner node of a tree grown on binned columns: bins from `bin`
// on go right. Left and Right are indices of splits, or −1 for leaves.
type split struct {
	column, bin int
	left, right int
}

// growTree lets golearn grow a regression tree (CART, least squares) of at most
// depth levels on n rows of binned columns (bins[i*p+j] ≥ 0, row-major) and
// their targets. The first split is the root; none means that no split helps.
// A panic inside golearn becomes an error.
func growTree(bins []int, p int, target []float64, depth int) (splits []split, err error) {
	defer func() {
		if r := recover(); r != nil {
			splits, err = nil, fmt.Errorf("golearn: %v", r)
		}
	}()
	grid := grids.NewDenseInstances()
	columns := make([]grids.AttributeSpec, p)
	for j := range columns {
		columns[j] = grid.AddAttribute(grids.NewFloatAttribute("c" + strconv.Itoa(j)))
	}
	class := grids.NewFloatAttribute("y")
	label := grid.AddAttribute(class)
	if err := grid.AddClassAttribute(class); err != nil {
		return nil, fmt.Errorf("golearn: %w", err)
	}
	if err := grid.Extend(len(target)); err != nil {
		return nil, fmt.Errorf("golearn: %w", err)
	}
	for i, y := range target {
		for j, column := range columns {
			grid.Set(column, i, grids.PackFloatToBytes(float64(bins[i*p+j])))
		}
		grid.Set(label, i, grids.PackFloatToBytes(y))
	}
	tree := trees.NewDecisionTreeRegressor(trees.MSE, int64(depth))
	if err := tree.Fit(grid); err != nil {
		return nil, fmt.Errorf("golearn: %w", err)
	}
	// golearn's node type has no name outside, so the walk keeps its nodes in
	// a list instead of calling itself. A root that helps nothing has equal
	// predictions on both sides and no threshold.
	if root := tree.RootNode; root.Threshold == 0 && root.Left == nil && root.Right == nil {
		return nil, nil
	}
	queue := listOf(tree.RootNode)
	for i := 0; i < len(queue); i++ {
		node := queue[i]
		s := split{column: int(node.Feature), bin: int(math.Ceil(node.Threshold)), left: -1, right: -1}
		if node.Left != nil {
			s.left = len(queue)
			queue = append(queue, node.Left)
		}
		if node.Right != nil {
			s.right = len(queue)
			queue = append(queue, node.Right)
		}
		splits = append(splits, s)
	}
	return splits, nil
}

// listOf makes a list of a type that cannot be named here.
func listOf[T any](v ...T) []T { return v }
